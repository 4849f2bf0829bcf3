""" "PHRASE on the left", "small PHRASE": of all segments with one name, which are there, or so?

The masks tell: where the centre lies, and what share of the photo is covered. Between what is
there and what is not nobody is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.evaluation.retrieval.attribute_query import Qualified
from model.masks import rle

FEWEST = 5  # segments of a phrase that can be judged
NEAR, FAR = 0.35, 0.5  # shares of the photo's side: what begins the way, and what is past it
CENTRAL, ASIDE = 0.12, 0.2  # from the middle: what still is there, and what no longer
SMALL, LARGE = 1 / 3, 2 / 3  # quantiles of the areas of a phrase's segments
_SIDES = re.compile(r"\b(?:left|right|front|back|top|small|large)\b")

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]


def mask_centres(counts: Sequence[bytes], size: tuple[int, int]) -> Numbers:
    """N×2 centres of N masks (COCO compressed run lengths), as shares of the photo's width and
    height from its top left."""
    height, width = size
    cover = rle.decode(counts, size)
    pixels = np.maximum(cover.sum(axis=(1, 2)), 1)
    across = cover.sum(axis=1) @ (np.arange(width) + 0.5) / width
    down = cover.sum(axis=2) @ (np.arange(height) + 0.5) / height
    return np.asarray(np.stack([across, down], axis=1) / pixels[:, None], np.float64)


def place_queries(
    phrases: Sequence[str],
    relevant: Bools,
    centres: Numbers,
    areas: Numbers,
    among_all: bool = False,
) -> Iterator[Qualified]:
    """All pairs of a phrase and a place or size that some of its segments have, and others not.

    Phrases that tell a place themselves ("left mirror") are left out.

    Args:
        phrases: T texts.
        relevant: T×M bool, which segments each names.
        centres: M×2, of the segments' masks, as shares of the photo's sides from its top left.
        areas: M shares of the photo.
        among_all: whether segments that the phrase does not name are judged too, as wrong.
    """
    for phrase, named in zip(phrases, relevant, strict=True):
        if _SIDES.search(phrase) or not len(centres):
            continue
        for text, word, there, elsewhere in _asked(phrase, centres, areas, areas[named]):
            right = named & there
            wrong = named & elsewhere
            if right.sum() + wrong.sum() >= FEWEST and right.any() and wrong.any():
                rows = np.flatnonzero(right | wrong | (~named if among_all else False))
                yield Qualified(word, phrase, text, rows, right[rows])


def _asked(
    phrase: str, centres: Numbers, areas: Numbers, own: Numbers
) -> Iterator[tuple[str, str, Bools, Bools]]:
    """Queries, their words, which segments are right and which are wrong."""
    for low, high, along in (("left", "right", 0), ("top", "bottom", 1)):
        at, way = "at" if along else "on", centres[:, along]
        yield f"{phrase} {at} the {low}", low, way <= NEAR, way >= FAR
        yield f"{phrase} {at} the {high}", high, way >= 1 - NEAR, way <= 1 - FAR
    off = np.abs(centres[:, 0] - 0.5)
    yield f"{phrase} in the middle", "middle", off <= CENTRAL, off >= ASIDE
    small, half, large = np.quantile(own, [SMALL, 0.5, LARGE])
    yield f"small {phrase}", "small", areas <= small, areas > half
    yield f"large {phrase}", "large", areas >= large, areas < half
