"""What a head makes of curated pairs: alone beside human pairs, and added to nano's own data.

    python bench/curated_heads.py CORPUS WORK [--part alone|same|added] [--seeds 3] [--json]
                                  [--split val|holdout] [--plain]

`alone`: a head of 800 photos with captions, whose regions nobody sees, beside one of the human
regions of as many photos, both by recipes/curated.toml: true-mask mAP on `val`. `same`: so with
the same photos on both sides. `added`: the data of recipes/use-unseen.toml with the curated
pairs of `alone`, and without. Photos are of `train`, none of the held-out tenth, on which `--split
holdout` measures. `--plain`: one head, in float32, that is shown none of the segmenter's own masks,
which take some seconds a photo. All that is made stays in WORK, and is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from figures import show
from photo_search import found_photos

from model.datasets.corpus import annotation_files, held_back
from model.datasets.ground_truth import read_truth
from model.datasets.imagenet_names import naming
from model.datasets.skipped_rows import SkippedRows
from model.datasets.source import PairSource
from model.devices import limit_threads
from model.presets.preset import load_preset
from model.training.loop.run_log import read_record
from model.training.loop.trainer import Trainer
from model.training.recipe import load_recipe

ROOT = Path(__file__).parents[1]
PHOTOS = 800
CAPTIONED = ("flickr_captions", "food_captions")  # nano was shown no regions of these
BOTH = ("coco", "voc_cosegmentation", "animals", "clothing")  # captions and regions
HELD_BACK = 0.1
GOAL = 0.6  # what a head of curated pairs reaches of one of human pairs
HEAD = "head.safetensors"
Record = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path, help="folder for all that is made")
    parser.add_argument("--part", choices=tuple(PARTS), action="append", help="all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", choices=["val", "holdout"], default="val")
    parser.add_argument("--plain", action="store_true", help="one head, no masks of the segmenter")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    limit_threads(1)
    seeds, corpus, work = range(asked.seeds), asked.corpus.absolute(), asked.work.absolute()
    bench = Bench(corpus, work, seeds, asked.split, plain=asked.plain)
    for part in asked.part or PARTS:
        for figure in PARTS[part](bench):
            show(figure, as_json=asked.json)


def alone(bench: Bench) -> Iterator[dict[str, Any]]:
    """Captioned photos that nano was shown no regions of, beside others with human regions."""
    photos = bench.photos()
    outlined = [each for each in photos if is_outlined(each)]
    return beside(bench, "captioned", captioned(photos, CAPTIONED), outlined[:PHOTOS])


def same(bench: Bench) -> Iterator[dict[str, Any]]:
    """Photos by their captions alone, beside the same by their regions, which nano learned."""
    both = captioned([each for each in bench.photos() if is_outlined(each)], BOTH)
    return beside(bench, "same", both, both)


def beside(
    bench: Bench, name: str, bare: Sequence[Record], outlined: Sequence[Record]
) -> Iterator[dict[str, Any]]:
    """mAP on `val` of a head of curated pairs and one of human pairs."""
    sources = {"curated": bench.curated(name, bare), "human": bench.human(name, outlined)}
    runs = bench.trained(name, "curated", {side: (of,) for side, of in sources.items()})
    found = {side: [measured(run)["mAP"] for run in of] for side, of in runs.items()}
    for side, source in sources.items():
        yield {"name": f"{name}: {side}, mAP"} | spread(found[side]) | bench.counted(source)
    ratio = float(np.mean(found["curated"]) / np.mean(found["human"]))
    yield {"name": f"{name}: curated / human", "ratio": ratio, "goal": GOAL}


def added(bench: Bench) -> Iterator[dict[str, Any]]:
    """Figures with the curated pairs of `alone` added, and without."""
    pairs = bench.curated("captioned", captioned(bench.photos(), CAPTIONED))
    yield {"name": "added: curated pairs"} | bench.counted(pairs)
    own = load_recipe(bench.recipe("use-unseen")).task.train
    runs = bench.trained("added", "use-unseen", {"without": own, "with": (*own, pairs)})
    found = bench.searched([run for of_side in runs.values() for run in of_side])
    told = {side: [measured(run) | found[run] for run in of] for side, of in runs.items()}
    for name in told["with"][0]:
        without, with_them = ([figures[name] for figures in told[side]] for side in runs)
        gain = float(np.mean(with_them) - np.mean(without))
        # beyond the seeds' spread: the worst with them is better than the best without
        beyond = min(with_them) > max(without)
        yield {"name": f"added: {name}", "gain": gain, "beyond": beyond}
        yield {"name": f"added: {name}, without"} | spread(without)
        yield {"name": f"added: {name}, with"} | spread(with_them)


class Bench:
    """Folder of all that is made, each thing once.

    Args:
        corpus: the corpus, which is only read.
        work: the folder.
        seeds: seeds of the trainings.
        split: split that is measured on.
        plain: train one head, on human and curated masks alone.
    """

    def __init__(
        self, corpus: Path, work: Path, seeds: Sequence[int], split: str, *, plain: bool
    ) -> None:
        self._corpus, self._work, self._seeds = corpus, work, seeds
        self._split, self._plain = split, plain
        kinds = [split] * (split != "val") + ["plain"] * plain
        self._runs = work / "-".join(["runs", *kinds])

    def photos(self) -> list[Record]:
        """Photos to train on as the annotations have them, with their `source`; by hashes."""
        found = []
        for file in annotation_files(self._corpus):
            for line in file.read_text(encoding="utf-8").splitlines():
                record = {"source": file.parent.name} | json.loads(line)
                if record["split"] == "train" and not held_back(*named(record), HELD_BACK):
                    found.append(record)
        return sorted(
            found, key=lambda each: hashlib.sha256("/".join(named(each)).encode()).digest()
        )

    def curated(self, name: str, photos: Sequence[Record]) -> PairSource:
        """Pairs that `segsearch curate` makes of the photos without their regions."""
        folder, pairs = self._work / "photos" / name, self._work / "pairs" / name
        if not (pairs / "manifest.json").exists():
            self._write(folder, photos, "regions")
            command = ["curate", folder, "-o", pairs, "--captions", folder]
            done = subprocess.run(
                [sys.executable, "-m", "cli.main", *map(str, command)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=sys.stderr,
            )
            if done.returncode not in (0, 3):  # 3: some photos were set aside
                sys.exit(done.returncode)
        # the photos are the corpus' own files: all pairs of one are drawn together, human ones too
        return PairSource("parquet", str(pairs), str(self._corpus))

    def human(self, name: str, photos: Sequence[Record]) -> PairSource:
        """Pairs of the photos' human regions."""
        folder = self._work / "human" / name
        self._write(folder, photos, "captions")
        return PairSource("corpus", str(folder), split="train")

    def _write(self, folder: Path, photos: Sequence[Record], emptied: str) -> None:
        """A corpus of copies of the photos, without their captions or regions."""
        if folder.exists():
            return
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        for record in photos:
            source, file = named(record)
            images = part / source / "images"
            images.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._corpus / source / "images" / file, images / file)
            with (images.parent / "annotations.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record | {emptied: []}) + "\n")
        part.rename(folder)

    def counted(self, source: PairSource) -> dict[str, int]:
        """Numbers of pairs, photos and texts, and of the texts that name a phrase kept unseen."""
        pairs = list(source.pairs(self._corpus, SkippedRows()))
        texts = [text for pair in pairs for text in pair.texts]
        unseen = naming(load_recipe(self.recipe("use-unseen")).task.unseen)
        return {
            "pairs": len(pairs),
            "photos": len({pair.photo for pair in pairs}),
            "texts": len(texts),
            "unseen": sum(bool(unseen and unseen.search(text)) for text in texts),
        }

    def recipe(self, name: str) -> Path:
        return ROOT / "recipes" / f"{name}.toml"

    def trained(
        self, name: str, recipe: str, sides: Mapping[str, tuple[PairSource, ...]]
    ) -> dict[str, list[Path]]:
        """Folders of the runs of a recipe with other data: of each side one for each seed."""
        read = load_recipe(self.recipe(recipe))
        if self._plain:
            task = replace(read.task, members=1, proposals="")
            trainer = replace(read.trainer, precision="float32")
            read = replace(read, task=task, trainer=trainer)
        val = tuple(
            replace(of, split=self._split, holdout=HELD_BACK)
            for of in load_recipe(self.recipe("use-unseen")).task.val
        )
        runs: dict[str, list[Path]] = {side: [] for side in sides}
        for seed, (side, train) in product(self._seeds, sides.items()):
            run = self._runs / f"{name}-{side}-{seed}"
            runs[side].append(run)
            if (run / HEAD).exists():
                continue
            task = replace(read.task, train=train, val=val)
            own = replace(read, task=task, trainer=replace(read.trainer, seed=seed))
            built = own.build(self._corpus, self._work / "cache", say)
            Trainer(built, own.trainer, run, own.identity).run(resume=True)
            say(f"{run.name}: {measured(run)}")
        return runs

    def searched(self, runs: Sequence[Path]) -> dict[Path, dict[str, float]]:
        """What texts find among the photos of the split by the photos' own vectors, by run."""
        kept = {run: run / "searched.json" for run in runs}
        left = [run for run, file in kept.items() if not file.exists()]
        if left:
            truth = read_truth(self._corpus, self._split)
            embedders = [load_preset("nano").with_head(run / HEAD).build_embedder() for run in left]
            looks = []
            for photo in truth.photos:
                image = photo.read()  # the trunk remembers it, and looks once for all heads
                looks.append([each.embed_image(image).vectors[0] for each in embedders])
            for run, embedder, vectors in zip(left, embedders, np.stack(looks, 1), strict=True):
                kept[run].write_text(json.dumps(found_photos(truth, vectors, embedder)))
        return {run: json.loads(file.read_text()) for run, file in kept.items()}


def measured(run: Path) -> dict[str, float]:
    """What the trainer measured last."""
    lines = [line for line in read_record(run) if line["section"] == "val"]
    return {name: value for name, value in lines[-1].items() if name not in ("step", "section")}


def spread(values: Sequence[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(values)), "seeds": " ".join(f"{value:.4f}" for value in values)}


def captioned(photos: Sequence[Record], sources: Sequence[str]) -> list[Record]:
    """The first photos of some sources that have captions."""
    return [each for each in photos if each["source"] in sources and each["captions"]][:PHOTOS]


def is_outlined(record: Record) -> bool:
    """Whether a photo has regions that somebody named."""
    return any(phrase.strip() for region in record["regions"] for phrase in region["phrases"])


def named(record: Record) -> tuple[str, str]:
    """Source and file of a photo."""
    return record["source"], record["file"]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


PARTS = {"alone": alone, "same": same, "added": added}

if __name__ == "__main__":
    main()
