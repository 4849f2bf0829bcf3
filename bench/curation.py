"""What a curation costs beside its models, and what it ends with after kills and full disks.

    python bench/curation.py overhead|memory|kills|full [--json]

`overhead` and `memory` send made-up photos through the real pipeline, store, report and shards:
their stages sleep as models on a GPU would, and give outcomes of the size that real ones have.
`kills` and `full` run the whole command on small pictures with captions beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from curation_failures import full, kills
from figures import in_child, show

from model.curation.building import Curation
from model.curation.config import default_config
from model.curation.curate import STORE, curate
from model.curation.pipeline import Pipeline
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import StageStore
from model.curation.stages import Outcome, Outcomes, Stage
from model.masks import rle
from model.photos.images import Image

FRAME = (768, 1024)
MILLISECONDS = {"captions 1": 5, "phrases": 2, "boxes": 20, "masks": 5, "pairs": 3}
PHRASES, BOXES = 20, 30  # of a photo, as published captions and detectors give them
PHOTOS = 500
FEW, MANY = 1_000, 10_000
CAPTION = "a white cat that is lying on the seat of an old red scooter beside a wooden door"


@dataclass(frozen=True)
class MadePhoto(SourcePhoto):
    """A photo of 1,024 × 768 pixels that no file holds."""

    @cached_property
    def image(self) -> Image:
        grey = int(self.content_hash[:2], 16)
        return Image(np.full((*FRAME, 3), grey, np.uint8), FRAME)


def made_photos(count: int) -> list[SourcePhoto]:
    """Photos in no order of their hashes, as a folder gives them."""
    return [
        MadePhoto(f"folder/{number:06}.jpg", Path(f"/none/{number:06}.jpg"), digest(number), FRAME)
        for number in range(count)
    ]


def digest(number: int) -> str:
    return blake2b(str(number).encode(), digest_size=32).hexdigest()


class MadeStage(Stage):
    """A stage that sleeps, and gives a made-up outcome of the size of a real one.

    Args:
        name: name of the stage, which decides what the outcome holds.
        seconds: seconds that a photo takes.
        batch: photos that it takes together.
    """

    def __init__(self, name: str, seconds: float, batch: int = 1) -> None:
        self.name, self.key, self.batch = name, digest(0), batch
        self.total = 0.0
        self._seconds = seconds

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        began = time.perf_counter()
        if self.name in ("boxes", "masks"):  # these look at the photo
            assert photo.image.pixels[0, 0, 0] >= 0
        data = {**made_data(self.name, int(photo.content_hash[:8], 16)), "losses": []}
        data["losses"] = [["a scooter", "nothing is drawn in the box", [0.1, 0.2, 0.3, 0.4]]] * 3
        time.sleep(max(self._seconds - (time.perf_counter() - began), 0))
        self.total += time.perf_counter() - began
        return data

    def outcomes(self, photos: Sequence[SourcePhoto], before: Sequence[Outcomes]) -> list[Outcome]:
        """As one launch for all of them would take: the sum of their seconds."""
        return [self.outcome(*each) for each in zip(photos, before, strict=True)]


def made_data(name: str, seed: int) -> dict[str, Any]:
    """What a stage of this name gives for a photo."""
    caption = {"text": CAPTION, "granularity": "object", "engine": "made", "box": None}
    phrase = {
        "text": "white cat that is lying on the seat of an old red scooter",
        "head": "white cat", "span": [2, 58], "parent": "", "caption": caption,
    }  # fmt: skip
    if name.startswith("captions"):
        return {"captions": [{**caption, "text": f"{CAPTION} {seed + n}"} for n in range(4)]}
    if name == "phrases":
        return {"phrases": [phrase] * PHRASES}
    texts = [phrase["text"], phrase["head"]]
    places = np.random.default_rng(seed).random((BOXES, 4)).tolist()
    boxes = [
        {"xyxy": xyxy, "phrase": phrase, "score": xyxy[0], "engine": "made", "texts": texts}
        for xyxy in places
    ]
    if name == "boxes":
        return {"hash": int(digest(seed)[:16], 16), "boxes": boxes}
    counts = [ELLIPSES[(seed + number) % len(ELLIPSES)] for number in range(BOXES)]
    if name == "masks":
        return {
            "size": list(FRAME), "counts": counts, "quality": [0.5] * BOXES, "boxes": boxes
        }  # fmt: skip
    pair = {"size": list(FRAME), "texts": texts, "kind": "object", "sources": ["made", "made"]}
    return {"pairs": [{**pair, "counts": each, "score": 0.5} for each in counts[:PHRASES]]}


def ellipses(count: int) -> list[str]:
    """Run lengths of ellipses anywhere in the frame, some 200 bytes each."""
    random = np.random.default_rng(1)
    height, width = FRAME
    y, x = np.ogrid[:height, :width]
    made = []
    for _ in range(count):
        down, across = np.exp(random.uniform(np.log(0.02), np.log(0.3), 2)) * FRAME
        top, left = random.uniform(0.1, 0.9, 2) * FRAME
        mask = ((y - top) / down) ** 2 + ((x - left) / across) ** 2 <= 1
        made.append(rle.encode(mask[None])[0].decode("ascii"))
    return made


ELLIPSES = ellipses(64)


def seconds(pipeline: Pipeline, photos: Sequence[SourcePhoto]) -> float:
    """Seconds that photos need to pass through."""
    began = time.perf_counter()
    for _ in pipeline.run(photos):
        pass
    return time.perf_counter() - began


def overhead(batch: int, count: int) -> dict[str, Any]:
    """A run of stages that sleep beside the slowest stage's own seconds, and a second run."""
    photos = made_photos(count)
    stages = [
        MadeStage(name, each / 1000, batch if name == "boxes" else 1)
        for name, each in MILLISECONDS.items()
    ]
    with TemporaryDirectory(prefix="curation-") as folder:
        store = StageStore(Path(folder) / STORE)
        pipeline, began = Pipeline(stages, store), time.process_time()
        through = seconds(pipeline, photos)
        cpu = time.process_time() - began
        alone = max(stage.total for stage in stages)
        again = seconds(pipeline, photos)
        store.close()
    return {
        "name": f"overhead, {count} photos, the slow stage takes {batch}",
        "ratio": through / alone, "goal": 1.10, "through_s": through, "slowest_s": alone,
        "all_in_a_row_s": sum(stage.total for stage in stages),
        "cpu_ms_a_photo": 1000 * cpu / count, "again_ms_a_photo": 1000 * again / count,
    }  # fmt: skip


def curated(
    photos: Sequence[SourcePhoto], stages: Sequence[Stage], out: Path
) -> tuple[float, float]:
    """Seconds until all photos were through, and until all was written."""
    through, began = 0.0, time.perf_counter()

    def told(done: int, of: int) -> None:
        nonlocal through
        through = time.perf_counter() - began

    curation = Curation(default_config(), photos[0].path.parent, tuple(stages), ())
    curate(curation, photos, out, told)
    return through, time.perf_counter() - began


def memory_child(count: int) -> None:
    stages = [MadeStage(name, 0) for name in MILLISECONDS]
    with TemporaryDirectory(prefix="curation-") as folder:
        through, written = curated(made_photos(count), stages, Path(folder))
        size = sum(file.stat().st_size for file in Path(folder, "work").iterdir())
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    figure = {"peak_mb": peak, "store_mb": size / 1e6, "through_s": through}
    print(json.dumps({**figure, "writing_s": written - through}))


def memory() -> dict[str, Any]:
    few, many = (in_child(__file__, count) for count in (FEW, MANY))
    return {
        "name": f"memory, {MANY:,} photos beside {FEW:,}",
        "ratio": many["peak_mb"] / few["peak_mb"], "goal": 1.10,
        **{f"few_{name}": value for name, value in few.items()},
        **{f"many_{name}": value for name, value in many.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("overhead", "memory", "kills", "full"))
    parser.add_argument("--photos", type=int, default=PHOTOS, help="photos of `overhead`")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of `kills`")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.what == "overhead":
        figures = [overhead(batch, asked.photos) for batch in (1, 8)]
    elif asked.what == "memory":
        figures = [memory()]
    else:
        figures = [kills(asked.seed)] if asked.what == "kills" else [full()]
    for figure in figures:
        show(figure, as_json=asked.json)
    sys.exit(any(figure.get("ended_badly") for figure in figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        memory_child(int(sys.argv[2]))
    else:
        main()
