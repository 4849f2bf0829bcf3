"""The corpus: photographs of many sources with regions, names and captions, one JSON line a photo.

A corpus is a folder of `SOURCE/annotations.jsonl` and `SOURCE/images/`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from model.datasets.pairs import BOX_KIND, PHOTO_KIND, TrainingPair
from model.datasets.regions import rectangle, region_counts, whole_photo
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError, shown

_CAPTION_OPENING = re.compile(r"^(an? )?(photo(graph)?|picture|image) of (an? |the )?", re.I)


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and what is said about it.

    Attributes:
        source: the folder of the corpus that it comes from.
        path: the image file.
        size: (height, width), pixels.
        split: `train`, `holdout` (train photos kept for fitting the calibration) or `val`.
        pairs: pairs of its regions, and of the photo itself when it has captions.
    """

    source: str
    path: Path
    size: tuple[int, int]
    split: str
    pairs: tuple[TrainingPair, ...]


def annotation_files(folder: Path, sources: Sequence[str] | None = None) -> list[Path]:
    """Annotation files of a corpus, in the order of the sources' names.

    Args:
        folder: the corpus.
        sources: names of the sources to read; None: all.

    Raises:
        DataError: the folder holds none, or not those of a named source.
    """
    found = {file.parent.name: file for file in sorted(folder.glob("*/annotations.jsonl"))}
    for source in sources or ():
        if source not in found:
            raise DataError(
                f"{shown(folder)} holds no {shown(source)}/annotations.jsonl",
                "name folders of the corpus",
            )
    if not found:
        raise DataError(
            f"{shown(folder)} holds no SOURCE/annotations.jsonl", "name the corpus' folder"
        )
    return [file for name, file in found.items() if sources is None or name in sources]


@cache
def partly_annotated(source: str) -> bool:
    """Whether only some classes of things are outlined in a source's photos: what is not said to
    be there may be there all the same."""
    lines = files("model.datasets").joinpath("partly_annotated.txt").read_text(encoding="utf-8")
    return source in lines.splitlines()


def read_corpus(
    folder: Path, holdout: float = 0.1, skipped: SkippedRows | None = None
) -> list[AnnotatedPhoto]:
    """All photos of all sources (`SOURCE/annotations.jsonl`), sources in alphabetical order.

    Args:
        folder: the corpus.
        holdout: share of the train photos that get the split `holdout`, chosen by their name.
        skipped: counts lines and regions that are not understood; without it they are errors.

    Raises:
        DataError: the folder holds no annotations.
        DataError: a line of the annotations is not understood.
    """
    return [photo for file in annotation_files(folder) for photo in _photos(file, holdout, skipped)]


def corpus_pairs(
    folder: Path, split: str, skipped: SkippedRows, holdout: float = 0.0
) -> Iterator[TrainingPair]:
    """The pairs of a corpus' photos of one split ("": of all), photo by photo.

    Args:
        folder, holdout: arguments of `read_corpus`.
        split: split of the photos.
        skipped: record of rows that cannot be used.
    """
    for file in sorted(folder.glob("*/annotations.jsonl")):
        for photo in _photos(file, holdout, skipped):
            if split in ("", photo.split):
                yield from photo.pairs


def _photos(file: Path, holdout: float, skipped: SkippedRows | None) -> Iterator[AnnotatedPhoto]:
    source = file.parent.name
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                size = (int(record["height"]), int(record["width"]))
                name, split = str(record["file"]), str(record["split"])
                if split == "train" and held_back(source, name, holdout):
                    split = "holdout"
                path = file.parent / "images" / name
                pairs = tuple(_pairs(record, path, size, source, skipped))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if skipped is None:
                    raise DataError(
                        f"line {number} of {shown(file)} is not understood ({error})",
                        "mend the line",
                    ) from error
                skipped.note(f"line {number} of {shown(file)}", "the line is not understood", error)
                continue
            if skipped is not None and not path.is_file():
                skipped.note(f"line {number} of {shown(file)}", "the photo is not there")
                continue
            yield AnnotatedPhoto(source, path, size, split, pairs)


def _pairs(
    record: dict[str, Any],
    photo: Path,
    size: tuple[int, int],
    source: str,
    skipped: SkippedRows | None,
) -> Iterator[TrainingPair]:
    captions = tuple(plain_words(text) for text in record["captions"] if plain_words(text))
    if captions:
        yield TrainingPair(photo, size, whole_photo(size), captions, PHOTO_KIND, (source,))
    for number, region in enumerate(record["regions"]):
        try:
            texts = tuple(text for text in region["phrases"] if text.strip())
            if not texts:
                continue
            if region["segmentation"] is not None:
                counts, kind = region_counts(region["segmentation"], size), str(region["kind"])
            else:
                counts, kind = rectangle(region["bbox"], size), BOX_KIND
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if skipped is None:
                raise
            skipped.note(f"region {number} of {shown(photo)}", "the region is damaged", error)
            continue
        yield TrainingPair(photo, size, counts, texts, kind, (source,))


def plain_words(caption: str) -> str:
    """A caption as somebody would type it: no "a photo of" in front, no final full stop."""
    return _CAPTION_OPENING.sub("", caption.strip()).rstrip(" .").strip()


def held_back(source: str, name: str, share: float) -> bool:
    """Whether a photo is among the share of its source's train photos that nothing is trained on;
    its name alone decides."""
    digest = hashlib.sha256(f"{source}/{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48 < share
