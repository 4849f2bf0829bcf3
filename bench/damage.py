"""Random damages of an index and of weights, and what every verb makes of them.

    python bench/damage.py 200 [--seed 0] [--only field|byte|header|page|cache|row|manifest|weights]

Each damage is one to a copy of a small index: a value of a row, a byte of the catalog, of its
header or of the cache, a page, rows, or the manifest; or one to a copy of a preset's weights that
names no digests. Then `search` (with and without conditions), `export`, `status`, `doctor`, a dry
run of `index` and `doctor --fix` run in processes of their own. Demanded is the right answer, or
one line: no traceback, no hang, no signal; and after `doctor --fix` and `index` an index that is
well, or a line that says that it cannot be mended. Models built from damaged weights are refused in
one line, or see a photo.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["OMP_NUM_THREADS"] = "1"  # a fork waits for ever for its parent's threads

from damages import KINDS, harm, harm_weights
from forked_verbs import forked, run, warmed

WEIGHTS = "weights"
COLOURS = ("red", "blue", "green", "yellow")
PRESETS = ("base", "sam2", "nano")
"""Presets whose weights are damaged: between them they hold every format that is read."""
MOST_MEMORY = 3 << 20  # KiB that the building of small networks may take
READING = (("search", "red", "--json"), ("doctor", "--fix"), ("status",))
CONDITIONS = ("--after", "2024-01-03", "--camera", "canon", "--in", "*.png")


def painted(folder: Path) -> Path:
    """Eight photos of coloured shapes, of a camera and a day each."""
    folder.mkdir()
    for number in range(8):
        picture = Image.new("RGB", (300, 220), (128, 128, 128))
        draw = ImageDraw.Draw(picture)
        corners = [20 + number * 9, 20, 130 + number * 5, 150 - number * 5]
        draw.rectangle(corners, fill=COLOURS[number % 4])
        draw.ellipse([150, 60 + number * 3, 260, 180], fill="purple")
        exif = Image.Exif()
        exif[ExifTags.Base.Make] = ("Canon", "Nikon")[number % 3 == 0]
        exif[ExifTags.Base.DateTime] = f"2024:01:0{number + 1} 12:00:00"
        picture.save(folder / f"{number}.png", exif=exif)
    return folder


def answer(index: Path) -> tuple[int | str, Any, str]:
    """Exit code of a search with and one without conditions, their matches without ids, and
    stderr."""
    answers = []
    for conditions in ((), CONDITIONS):
        code, out, err = run("search", "red", "--index", index, "-k", 50, "--json", *conditions)
        if code not in (0, 3):
            return code, None, err
        found = json.loads(out)["matches"]
        answers.append(
            sorted((m["photo"], round(m["score"], 3), m["bbox"], m["area"]) for m in found)
        )
    return code, answers, err


def said(name: str, code: int | str, err: str, *, lines: bool = True) -> list[str]:
    """What is wrong with the end of a verb: a traceback, a signal, or an error of more lines."""
    if code not in (0, 1, 3) or "Traceback" in err:
        return [f"{name}: {code} {err.strip()[-600:]}"]
    if lines and code == 1 and sum(x.startswith("segsearch:") for x in err.splitlines()) != 1:
        return [f"{name}: not one line: {err.strip()[-300:]}"]
    return []


def faults(index: Path, photos: Path, expected: Any, place: Path) -> list[str]:
    """What is wrong with what the verbs make of a damaged index."""
    code, found, err = answer(index)
    wrong = said("search", code, err)
    told = code == 1 or found == expected
    checked, out, err = run("doctor", "--index", index)
    wrong += said("doctor", checked, err, lines=False)
    if not told:
        wrong.append(f"search: another answer; doctor: {out.splitlines()[-2:]}")
    if code == 1 and checked == 0:
        wrong.append("search refuses, and doctor sees nothing")
    for name, words in (
        ("status", ("status",)),
        ("export", ("export", "--all", "-o", place / "out", "-f", "coco", "--overwrite")),
        ("dry run", ("index", photos, "--dry-run")),
        ("doctor --fix", ("doctor", "--fix")),
    ):
        code, out, err = run(*words, "--index", index)
        wrong += said(name, code, err, lines=not name.startswith("doctor"))
    if code == 0:
        code, out, err = run("index", photos, "--index", index, "-q", "--jobs", 1)
        wrong += said("index after --fix", code, err)  # it makes anew what was dropped
        code, found, err = answer(index)
        if code != 0 or found != expected:
            wrong.append(f"after --fix: {code}, the same answer: {found == expected} {err[-300:]}")
        code, out, err = run("doctor", "--index", index)
        if code != 0:
            wrong.append(f"doctor after --fix and index: {out[-400:]}")
    elif "--index" not in out and "index the photos again" not in out:
        wrong.append(f"doctor --fix gives up without a way out: {out[-300:]}")
    return wrong


def own_presets(folder: Path) -> list[Path]:
    """Presets with weights of one's own that name no digests: small random ones, and nano's."""
    from model.presets.random_weights import write_random_weights

    made = []
    for name in PRESETS:
        if name == "nano":
            import model.presets

            bundled = Path(model.presets.__path__[0])
            shutil.copytree(bundled / "nano", folder / name / "nano")
            made.append(folder / name / "nano.toml")
            shutil.copy(bundled / "nano.toml", made[-1])
        else:
            made.append(write_random_weights(name, folder / name, tiny=True))
        text = made[-1].read_text(encoding="utf-8").replace(str(folder / name), "HERE")
        made[-1].write_text(re.sub("(?m)^sha256 = .*$", "", text), encoding="utf-8")
    return made


def see(preset: Path) -> None:
    """Build a preset's models and look at a photo, as a worker and a search would."""
    from model import Image as Photo
    from model import load_preset
    from model.errors import SegsearchError, shown

    try:
        chosen = load_preset(str(preset))
        models = chosen.build()
        noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
        photo = Photo(noise, (64, 96))
        segments = models.segmenter.segment(photo)
        vectors = models.embedder.embed_segments(photo, segments)
        models.embedder.embed_texts(["a red dog"]).similarity(vectors)
    except SegsearchError as error:
        sys.exit(print(f"segsearch: {shown(error)}", file=sys.stderr) or 1)
    finally:
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_MEMORY:
            raise MemoryError(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def weight_faults(preset: Path, index: Path, expected: Any) -> list[str]:
    """What is wrong with what is made of a preset's damaged weights."""
    code, _, err = forked(lambda: see(preset))
    wrong = said("models", code, err)
    code, found, err = answer(index)
    wrong += said("search", code, err)
    if code != 1 and found != expected:
        wrong.append("search: another answer")
    checked, _, err = run("doctor", "--index", index)
    wrong += said("doctor", checked, err, lines=False)
    if code == 1 and checked == 0:
        wrong.append("search refuses, and doctor sees nothing")
    return wrong


class Attack:
    """A folder with what is damaged: photos, an index of them, and presets with an index each."""

    def __init__(self, place: Path) -> None:
        self.place, self.photos = place, painted(place / "photos")
        self.template = place / "template"
        run("index", self.photos, "--index", self.template, "--preset", "colours", "-q")
        for verb in READING:
            warmed(lambda verb=verb: run(*verb, "--index", self.template))
        warmed(lambda: run("index", self.photos, "--index", self.template, "--dry-run"))
        self.expected = answer(self.template)[1]
        self.presets: list[tuple[Path, Path, Any]] = []

    def once(self, kind: str, chance: random.Random) -> tuple[str, list[str]]:
        """One damage, and what was wrong after it."""
        if kind == WEIGHTS:
            return self._weights(chance)
        index = self.place / "index"
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(self.template, index)
        what = harm(index, kind, chance)
        return what, faults(index, self.photos, self.expected, self.place)

    def _weights(self, chance: random.Random) -> tuple[str, list[str]]:
        whole, live = self.place / "whole", self.place / "live"
        if not self.presets:
            self._index_presets(whole, live)
        preset, index, expected = chance.choice(self.presets)
        what = harm_weights(preset.parent, chance)
        try:
            return f"{preset.stem}: {what}", weight_faults(preset, index, expected)
        finally:
            shutil.rmtree(preset.parent)
            shutil.copytree(whole / preset.parent.name, preset.parent)

    def _index_presets(self, whole: Path, live: Path) -> None:
        for preset in own_presets(live):
            text = preset.read_text(encoding="utf-8")
            preset.write_text(text.replace("HERE", str(preset.parent)), encoding="utf-8")
            index = self.place / f"{preset.stem}.index"
            photo = self.photos / "0.png"
            run("index", photo, "--index", index, "--preset", preset, "-q", "--jobs", 1)
            warmed(lambda index=index, preset=preset: (answer(index), forked(lambda: see(preset))))
            code, found, err = answer(index)
            if code or forked(lambda preset=preset: see(preset))[0]:
                sys.exit(f"the undamaged {preset} does not work: {err}")
            self.presets.append((preset, index, found))
        shutil.copytree(live, whole)


def damage() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("damages", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=(*KINDS, WEIGHTS))
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="damage-") as folder:
        attack = Attack(Path(folder))
        bad = 0
        for number in range(asked.seed, asked.seed + asked.damages):
            chance = random.Random(number)
            kind = asked.only or chance.choice((*KINDS, WEIGHTS))
            what, found = attack.once(kind, chance)
            bad += bool(found)
            print(f"{'FAULT' if found else 'ok'} {number} {what}", *found, sep="\n    ", flush=True)
        print(f"{bad} of {asked.damages} damages ended badly")
    sys.exit(bool(bad))


if __name__ == "__main__":
    damage()
