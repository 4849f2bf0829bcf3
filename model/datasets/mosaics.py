"""Mosaics of annotated photos: a corpus of larger photos, in which all that was outlined is small.

python -m model.datasets.mosaics CORPUS --out FOLDER [--grid 3] [--split val] [--side PIXELS]

No source outlines photographs as large as phones take them. Laid side by side, photos of 448
pixels make one of as many times that: its regions have the pixels that they had, and the ninth of
the share. What is written is a corpus again, of the same sources and phrases, so that every
evaluation reads it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.ground_truth import Region, TruePhoto, read_truth, regions_of
from model.errors import DataError, shown
from model.masks import rle
from model.masks.windows import Window, placed

QUALITY = 95  # of the JPEG files


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Photos of one source, laid side by side.

    Attributes:
        source: folder of the corpus that they come from.
        pixels: H×W×3 uint8.
        regions: their regions, in its frame.
    """

    source: str
    pixels: NDArray[np.uint8]
    regions: tuple[Region, ...]


def mosaics(photos: Sequence[TruePhoto], grid: int, side: int | None = None) -> Iterator[Mosaic]:
    """Mosaics of grid×grid photos of one source each, mixed by chance, always the same.

    Photos without regions that are asked for are left out, and those that fill no mosaic.

    Args:
        photos: the photos.
        grid: photos side by side, and rows.
        side: longer side that mosaics are enlarged or reduced to, pixels; by default photos keep
            their size, on average.
    """
    for source in dict.fromkeys(photo.source for photo in photos):
        own = [photo for photo in photos if photo.source == source and regions_of(photo, 0)]
        Random(source).shuffle(own)
        for start in range(0, len(own) - grid * grid + 1, grid * grid):
            yield _laid_out(own[start : start + grid * grid], grid, side)


def layout(
    sizes: Sequence[tuple[int, int]], grid: int, side: int | None = None
) -> tuple[tuple[int, int], list[Window]]:
    """Frame of a mosaic, and rows and columns of each photo of (height, width) in it.

    The photos of a row are as high as each other, all rows as long as each other.
    """
    rows = [sizes[start : start + grid] for start in range(0, len(sizes), grid)]
    # heights of the rows in a frame of width 1
    shares = [1 / sum(width / height for height, width in row) for row in rows]
    if side is None:
        scales = [
            share / height for row, share in zip(rows, shares, strict=True) for height, _ in row
        ]
        width = 1 / math.exp(sum(map(math.log, scales)) / len(scales))
    else:
        width = side / max(1, sum(shares))
    down = np.rint(np.cumsum([0, *shares]) * width).astype(int).tolist()
    windows: list[Window] = []
    for row, (top, bottom) in zip(rows, pairwise(down), strict=True):
        ratios = np.cumsum([0, *(width / height for height, width in row)])
        across = np.rint(ratios / ratios[-1] * width).astype(int).tolist()
        windows += [(slice(top, bottom), slice(*span)) for span in pairwise(across)]
    return (down[-1], round(width)), windows


def _laid_out(photos: Sequence[TruePhoto], grid: int, side: int | None) -> Mosaic:
    frame, windows = layout([photo.size for photo in photos], grid, side)
    pixels = np.zeros((*frame, 3), np.uint8)
    regions: list[Region] = []
    for photo, window in zip(photos, windows, strict=True):
        rows, columns = window
        size = (columns.stop - columns.start, rows.stop - rows.start)
        scaled = PillowImage.fromarray(photo.read().pixels).resize(
            size, PillowImage.Resampling.LANCZOS
        )
        pixels[window] = np.asarray(scaled)
        for region in photo.regions:
            mask = rle.decode([region.counts], photo.size)
            (counts,) = placed(mask, window, frame)
            if rle.areas([counts], frame)[0]:
                regions.append(Region(counts, region.phrases, region.kind, region.annotator))
    return Mosaic(photos[0].source, pixels, tuple(regions))


def write_corpus(made: Iterator[Mosaic], folder: Path, split: str) -> int:
    """Write mosaics as a corpus, and tell how many there are.

    Args:
        made: mosaics, those of a source one after the other.
        folder: a new folder.
        split: split that they get.

    Raises:
        DataError: the folder is there already, or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        count = 0
        for count, mosaic in enumerate(made, start=1):
            images = folder / mosaic.source / "images"
            images.mkdir(parents=True, exist_ok=True)
            name = f"{count:04}.jpg"
            PillowImage.fromarray(mosaic.pixels).save(images / name, quality=QUALITY, subsampling=0)
            with (images.parent / "annotations.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(_record(mosaic, name, split)) + "\n")
    except OSError as error:
        raise DataError(
            f"{shown(folder)} cannot be written ({error.strerror})", "name a new folder"
        ) from error
    return count


def _record(mosaic: Mosaic, name: str, split: str) -> dict[str, Any]:
    height, width = mosaic.pixels.shape[:2]
    return {
        "file": name,
        "width": width,
        "height": height,
        "split": split,
        "captions": [],
        "regions": [_region(region, (height, width)) for region in mosaic.regions],
    }


def _region(region: Region, size: tuple[int, int]) -> dict[str, Any]:
    left, top, right, bottom = rle.boxes([region.counts], size)[0].tolist()
    said = {
        "segmentation": {"size": list(size), "counts": region.counts.decode()},
        "bbox": [left, top, right - left, bottom - top],
        "area": int(rle.areas([region.counts], size)[0]),
        "phrases": list(region.phrases),
        "kind": region.kind,
    }
    return said if region.annotator is None else {**said, "annotator": region.annotator}


def main() -> None:
    """Read the arguments and write the corpus."""
    parser = argparse.ArgumentParser(prog="python -m model.datasets.mosaics", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of the annotated photos")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--grid", type=int, default=3, help="photos side by side, and rows")
    parser.add_argument("--split", default="val", help="split of the photos")
    parser.add_argument("--side", type=int, help="longer side of a mosaic, pixels")
    parser.add_argument("--source", action="append", help="folder of the corpus; repeatable")
    asked = parser.parse_args()
    truth = read_truth(asked.corpus, asked.split, asked.source)
    made = mosaics(truth.photos, asked.grid, asked.side)
    try:
        count = write_corpus(made, asked.out, asked.split)
    except DataError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(f"{count} mosaics in {asked.out}\n")


if __name__ == "__main__":
    main()
