"""Truth about the photos that are measured on: regions, their names, captions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from model.datasets.corpus import annotation_files, held_back, plain_words
from model.datasets.pairs import BOX_KIND
from model.errors import DataError, PhotoUnreadable, shown
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image, read_image

HOLDOUT, HELD_BACK = "holdout", 0.1  # share of the train photos that settings are chosen on
LEAST_SHARE = 0.002  # of the photo; smaller regions are not asked for

STUFF_KIND = "stuff"


@dataclass(frozen=True)
class Region:
    """A mask that somebody drew.

    Attributes:
        counts: COCO compressed run lengths at the photo's size.
        phrases: English names, the most specific first; none where only the outline is known.
        kind: `object`, `part` or `stuff`.
        annotator: number of the person who drew it, where several drew all of a photo.
    """

    counts: bytes
    phrases: tuple[str, ...]
    kind: str
    annotator: int | None


@dataclass(frozen=True)
class TruePhoto:
    """A photo and what is true of it.

    Attributes:
        source: the folder of the corpus that it comes from.
        path: the image file.
        size: (height, width), pixels.
        regions: its masks; boxes without a mask are left out.
        captions: texts of all of it, as somebody would type them.
    """

    source: str
    path: Path
    size: tuple[int, int]
    regions: tuple[Region, ...]
    captions: tuple[str, ...]

    @property
    def named(self) -> tuple[Region, ...]:
        """The regions with a name."""
        return tuple(region for region in self.regions if region.phrases)

    def read(self, side: int | None = None) -> Image:
        """The pixels.

        Args:
            side: longer side at which the photo is read as for an index, pixels; None: its own.

        Raises:
            PhotoError: the file is missing, damaged, or of another size (upright) than was told.
        """
        image = read_image(self.path, max_side=side, finer_panoramas=True)
        if image.original_size != self.size:
            raise PhotoUnreadable(
                f"{shown(self.path)} has {image.original_size} pixels, its annotation {self.size}",
                "mend one of them",
            )
        return image


@dataclass(frozen=True)
class Truth:
    """The photos of one split, and what their sources name at all.

    Attributes:
        photos: photos in the order of the sources' names and files.
        vocabulary: phrases of each source that any of its photos' regions has.
        stuff: phrases that are said of stuff (sky, grass), in any source.
    """

    photos: tuple[TruePhoto, ...]
    vocabulary: dict[str, frozenset[str]]
    stuff: frozenset[str]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The photos' sources, each once."""
        return tuple(dict.fromkeys(photo.source for photo in self.photos))


def read_truth(
    folder: Path,
    split: str,
    sources: Sequence[str] | None = None,
    most: int | None = None,
) -> Truth:
    """The photos of a corpus (`SOURCE/annotations.jsonl`, `SOURCE/images/`).

    Args:
        folder: the corpus.
        split: split, as the annotations name it; nothing was trained on `val`. `holdout` is the
            tenth of `train` that settings are chosen on.
        sources: folders to read; all by default.
        most: photos a source at most, the first ones; all by default.

    Raises:
        DataError: there are no annotations, or no photo of the split.
        DataError: a line of the annotations is not understood.
    """
    chosen: list[TruePhoto] = []
    vocabulary: dict[str, set[str]] = defaultdict(set)
    stuff: set[str] = set()
    for file in annotation_files(folder, sources):
        taken = 0
        for own_split, photo in _photos(file):
            for region in photo.named:
                vocabulary[photo.source].update(region.phrases)
                if region.kind == STUFF_KIND:
                    stuff.update(region.phrases)
            if split == HOLDOUT and own_split == "train":
                held = held_back(photo.source, photo.path.name, HELD_BACK)
                own_split = HOLDOUT if held else own_split
            if own_split == split and (most is None or taken < most):
                taken += 1
                chosen.append(photo)
    if not chosen:
        raise DataError(f"{shown(folder)} holds no photo of the split '{shown(split)}'")
    named = {source: frozenset(phrases) for source, phrases in vocabulary.items()}
    return Truth(tuple(chosen), named, frozenset(stuff))


def bare_segments(size: tuple[int, int], counts: Sequence[bytes]) -> Segments:
    """Segments without their hierarchy, which nothing here asks for."""
    return Segments(
        size,
        tuple(counts),
        rle.boxes(counts, size),
        rle.areas(counts, size),
        np.ones(len(counts), np.float32),
        np.full(len(counts), -1, np.int64),
    )


def _photos(file: Path) -> Iterator[tuple[str, TruePhoto]]:
    source = file.parent.name
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            size = (int(record["height"]), int(record["width"]))
            captions = (plain_words(str(text)) for text in record["captions"])
            photo = TruePhoto(
                source,
                file.parent / "images" / str(record["file"]),
                size,
                tuple(_regions(record)),
                tuple(dict.fromkeys(text for text in captions if text)),
            )
            split = str(record["split"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"line {number} of {shown(file)} is not understood ({error})", "mend the line"
            ) from error
        yield split, photo


def _regions(record: dict[str, Any]) -> Iterator[Region]:
    for region in record["regions"]:
        if region["segmentation"] is None or region["kind"] == BOX_KIND:
            continue
        annotator = region.get("annotator")
        yield Region(
            region["segmentation"]["counts"].encode("ascii"),
            tuple(dict.fromkeys(str(text) for text in region["phrases"] if str(text).strip())),
            str(region["kind"]),
            None if annotator is None else int(annotator),
        )


def regions_of(photo: TruePhoto, annotator: int, share: float = LEAST_SHARE) -> list[Region]:
    """The regions that are asked for: of that share of the photo or more, and of one annotator."""
    areas = rle.areas([region.counts for region in photo.regions], photo.size)
    least = share * photo.size[0] * photo.size[1]
    return [
        region
        for region, area in zip(photo.regions, areas, strict=True)
        if area >= least and region.annotator in (None, annotator)
    ]
