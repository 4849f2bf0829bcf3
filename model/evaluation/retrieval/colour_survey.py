"""Names that people give a colour: the nearest of 625 that a survey had named.

`surveyed_colours.txt` holds those of the 954 commonest answers to Randall Munroe's colour survey
(https://xkcd.com/color/rgb.txt, CC0) whose last word is a basic colour term or a kind of one: navy
and teal are blue, maroon is red, beige and tan are brown, violet is purple, magenta is pink.
One is left out, "pale grey" for (253, 253, 254), beside which nothing would be white.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from model.photos.colour_terms import NAMES, to_lab

STEP = 8  # of each channel: so many sRGB values are named alike


def surveyed_terms(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The index into `NAMES` of what the survey's nearest colour in CIELAB is called.

    Args:
        pixels: ...×3 uint8 sRGB.

    Returns:
        ... uint8.
    """
    red, green, blue = np.moveaxis(pixels // STEP, -1, 0)
    return np.asarray(_table()[red, green, blue], np.uint8)


@cache
def _table() -> NDArray[np.uint8]:
    """32×32×32, by the middle of each step."""
    lines = (
        files("model.evaluation.retrieval")
        .joinpath("surveyed_colours.txt")
        .read_text(encoding="utf-8")
    )
    named = [(term, code) for term, *codes in map(str.split, lines.splitlines()) for code in codes]
    samples = np.array([list(bytes.fromhex(code)) for _, code in named], np.uint8)
    terms = np.array([NAMES.index(term) for term, _ in named], np.uint8)
    anchors = to_lab(samples)
    middles = np.arange(STEP // 2, 256, STEP, dtype=np.uint8)
    lab = to_lab(np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1))
    # |a - b|² without the term that is the same for every anchor
    nearest = ((anchors**2).sum(axis=1) - 2 * (lab @ anchors.T)).argmin(axis=-1)
    return np.asarray(terms[nearest])
