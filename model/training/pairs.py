"""Training pairs: what of a photo is called what, read from annotated photos."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model import masks
from model.errors import PhotoUnreadable, RootMissing, shown

PHOTO_KIND = "photo"
BOX_KIND = "box"
_CAPTION_OPENING = re.compile(r"^(an? )?(photo(graph)?|picture|image) of (an? |the )?", re.I)


@dataclass(frozen=True)
class TrainingPair:
    """A segment and the texts that are true of it.

    Attributes:
        counts: COCO compressed run lengths at the photo's size; of a `box`, its rectangle; of a
            whole photo, everything.
        texts: English, the most specific first; never empty.
        kind: `object`, `part`, `stuff`, `box` or `photo` (a caption of all of it).
    """

    counts: bytes
    texts: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and what is said about it.

    Attributes:
        source: the folder of the corpus that it comes from.
        path: the image file.
        size: (height, width), pixels.
        split: `train`, `holdout` (train photos kept for fitting the calibration) or `val`.
        pairs: of its regions, and of the photo itself when it has captions.
    """

    source: str
    path: Path
    size: tuple[int, int]
    split: str
    pairs: tuple[TrainingPair, ...]


def read_corpus(folder: Path, holdout: float = 0.1) -> list[AnnotatedPhoto]:
    """All photos of all sources (`SOURCE/annotations.jsonl`), sources in alphabetical order.

    Args:
        folder: the corpus.
        holdout: share of the train photos that get the split `holdout`, chosen by their name.

    Raises:
        RootMissing: the folder holds no annotations.
        PhotoUnreadable: a line of the annotations is not understood.
    """
    files = sorted(folder.glob("*/annotations.jsonl"))
    if not files:
        raise RootMissing(
            f"{shown(folder)} holds no SOURCE/annotations.jsonl", "name the corpus' folder"
        )
    return [photo for file in files for photo in _photos(file, holdout)]


def _photos(file: Path, holdout: float) -> Iterator[AnnotatedPhoto]:
    source = file.parent.name
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            size = (int(record["height"]), int(record["width"]))
            name, split = str(record["file"]), str(record["split"])
            if split == "train" and _chance(f"{source}/{name}") < holdout:
                split = "holdout"
            pairs = tuple(_pairs(record, size))
        except (ValueError, KeyError, TypeError) as error:
            raise PhotoUnreadable(
                f"line {number} of {shown(file)} is not understood ({error})", "mend the line"
            ) from error
        yield AnnotatedPhoto(source, file.parent / "images" / name, size, split, pairs)


def _pairs(record: dict[str, Any], size: tuple[int, int]) -> Iterator[TrainingPair]:
    captions = tuple(plain_words(text) for text in record["captions"] if plain_words(text))
    if captions:
        whole = masks.encode(np.ones((1, *size), np.bool_))[0]
        yield TrainingPair(whole, captions, PHOTO_KIND)
    for region in record["regions"]:
        texts = tuple(text for text in region["phrases"] if text.strip())
        if not texts:
            continue
        if region["segmentation"] is not None:
            yield TrainingPair(
                region["segmentation"]["counts"].encode("ascii"), texts, str(region["kind"])
            )
        else:
            yield TrainingPair(_rectangle(region["bbox"], size), texts, BOX_KIND)


def plain_words(caption: str) -> str:
    """A caption as somebody would type it: no "a photo of" in front, no final full stop."""
    return _CAPTION_OPENING.sub("", caption.strip()).rstrip(" .").strip()


def _rectangle(bbox: list[float], size: tuple[int, int]) -> bytes:
    x, y, width, height = bbox
    x0, y0 = min(max(int(x), 0), size[1] - 1), min(max(int(y), 0), size[0] - 1)
    mask = np.zeros((1, *size), np.bool_)
    mask[0, y0 : max(round(y + height), y0 + 1), x0 : max(round(x + width), x0 + 1)] = True
    return masks.encode(mask)[0]


def _chance(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48
