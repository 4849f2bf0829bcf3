""" "COLOUR PHRASE" queries: of all segments with one name, which have the colour?

Nobody annotated colours. What colour a segment has is read from the pixels under its true mask,
each named by the nearest basic colour term in CIELAB (`model.photos.colour_terms`), or as the
people of a survey did (`model.evaluation.retrieval.colour_survey`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.evaluation.retrieval.attribute_query import Qualified
from model.masks import rle
from model.photos.colour_terms import NAMES

CLEAR = 0.5  # a segment has a colour that covers at least this share of it …
FAINT = 0.2  # … and has not one that covers at most this; between the two nobody can say
FEWEST = 5  # segments of a phrase that can be judged


def colour_shares(
    terms: NDArray[np.uint8], counts: Sequence[bytes], size: tuple[int, int]
) -> NDArray[np.float32]:
    """N×11 shares of the basic colour terms under N masks.

    Args:
        terms: H×W, what each pixel is called: an index into `NAMES`.
        counts: N COCO compressed run lengths.
        size: (H, W).
    """
    named = (terms.reshape(-1, 1) == np.arange(len(NAMES))).astype(np.float32)
    cover = rle.decode(counts, size).reshape(-1, terms.size).astype(np.float32)
    return np.asarray((cover @ named) / np.maximum(cover.sum(axis=1, keepdims=True), 1))


def colour_queries(
    phrases: Sequence[str], relevant: NDArray[np.bool_], shares: NDArray[np.float32]
) -> Iterator[Qualified]:
    """All pairs of a phrase and a colour that some of its segments have, and others have not.

    Phrases that name a colour themselves ("white wine") are left out.

    Args:
        phrases: T texts.
        relevant: T×M bool, which segments each names.
        shares: M×11, as of `colour_shares`.
    """
    for phrase, named in zip(phrases, relevant, strict=True):
        if set(re.findall(r"\w+", phrase.lower())) & {*NAMES, "gray"}:
            continue
        rows = np.flatnonzero(named)
        for number, colour in enumerate(NAMES):
            share = shares[rows, number]
            right = share >= CLEAR
            judged = right | (share <= FAINT)
            if judged.sum() >= FEWEST and right.any() and not right[judged].all():
                yield Qualified(colour, phrase, f"{colour} {phrase}", rows[judged], right[judged])
