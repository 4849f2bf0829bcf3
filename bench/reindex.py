"""Indexing again what has not changed beside the first time, and two workers beside one.

The photographs are crops of real ones (from the wheels of scikit-image and scikit-learn), each
another part at another scale, enlarged to 12 megapixels with a sensor's noise, as JPEG files. All
runs are of this process, its imports done; workers start anew with each run that needs them, and
load their models within it. Seconds are wall time unless they are called CPU.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from figures import show
from PIL import Image

from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from searchengine import Options, SearchEngine

PHOTOGRAPHS = (
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/rocket.jpg"),
    ("skimage", "data/motorcycle_left.png"),
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
)
SIZE = (4000, 3000)
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place) / "photos"
        make_photos(photos, asked.photos)
        one, two = Path(place) / "one", Path(place) / "two"
        alone, alone_cpu = indexed(one, photos, asked.preset, jobs=1)
        together, together_cpu = indexed(two, photos, asked.preset, jobs=2)
        again = median(repeated(two, photos, touched=False))
        hashed = median(repeated(two, photos, touched=True))
        with SqliteCatalog.open(two, readonly=True) as catalog:
            photo_s = catalog.seconds_per_photo()
    what = f"{asked.photos} photos of 12 megapixels, {asked.preset}"
    for figure in (
        {"name": f"two workers, {what}", "one_s": alone, "two_s": together,
         "ratio": alone / together, "goal": 1.8,
         "one_cpu_s": alone_cpu, "two_cpu_s": together_cpu, "photo_cpu_s": photo_s},
        {"name": "nothing changed (size and time)", "first_s": together, "again_s": again,
         "ratio": again / together, "goal": 0.001},
        {"name": "all touched (content hashed)", "first_s": together, "again_s": hashed,
         "ratio": hashed / together, "goal": 0.01},
    ):  # fmt: skip
        show(figure, as_json=asked.json)


def make_photos(folder: Path, count: int) -> None:
    """`count` files, each with content of its own; always the same ones."""
    folder.mkdir()
    random = np.random.default_rng(0)
    sources = [Image.open(package(name) / file).convert("RGB") for name, file in PHOTOGRAPHS]
    for number in range(count):
        source = sources[number % len(sources)]
        share = random.uniform(0.5, 1.0)
        width = min(source.width, source.height * 4 / 3) * share
        height = width * 3 / 4
        left = random.uniform(0, source.width - width)
        top = random.uniform(0, source.height - height)
        box = (left, top, left + width, top + height)
        large = source.resize(SIZE, Image.Resampling.BICUBIC, box=box)
        noise = random.integers(-6, 7, (SIZE[1], SIZE[0], 1), np.int16)
        pixels = np.clip(np.asarray(large, np.int16) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.jpg", quality=85)


def package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name} is not installed: pip install 'segsearch[demo]'")
    return Path(spec.submodule_search_locations[0])


def indexed(index: Path, photos: Path, preset: str, jobs: int) -> tuple[float, float]:
    """Seconds of a first run, and seconds of processor time, its workers' included."""
    began, began_cpu = time.perf_counter(), cpu_seconds()
    with SearchEngine.open(index, preset) as engine:
        report = engine.index(photos, options=Options(jobs=jobs))
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - began_cpu
    if report.added != len(list(photos.iterdir())):
        raise SystemExit(f"not all photos could be indexed: {report}")
    return seconds, cpu


def cpu_seconds() -> float:
    """Of this process and of those that it has started and that have ended."""
    return sum(os.times()[:4])


def repeated(index: Path, photos: Path, *, touched: bool) -> list[float]:
    """Seconds of each further run; before each, all files are given another time if `touched`."""
    taken = []
    for _ in range(REPEATS):
        if touched:
            for path in photos.iterdir():
                os.utime(path)
        began = time.perf_counter()
        with SearchEngine.open(index) as engine:
            report = engine.index(photos)
        taken.append(time.perf_counter() - began)
        if report.added or not (report.recognised if touched else report.unchanged):
            raise SystemExit(f"not what was to be measured: {report}")
    return taken


if __name__ == "__main__":
    main()
