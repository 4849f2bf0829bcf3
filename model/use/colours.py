"""The colour part of an embedding: which colours a region has, which colour words a text has."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.colour_names import NAMES, colour_terms, to_lab
from model.images import Image
from model.segments import Segments
from model.use.coverage import coverage

Floats = NDArray[np.float32]

MODIFIERS = ("dark", "light", "vivid", "dull", "colourful")
COMPONENTS = (*NAMES, *MODIFIERS)
SIDE = 160  # pixels are named at this longer side
CHUNK = 64
MODIFIER_WEIGHT = 0.5

_WORDS: dict[str, str] = {
    **{name: name for name in (*NAMES, "dark", "vivid", "dull", "colourful")},
    **dict.fromkeys(("gray", "silver", "greyish", "grayish"), "grey"),
    **dict.fromkeys(("crimson", "scarlet", "maroon", "burgundy", "reddish"), "red"),
    **dict.fromkeys(("golden", "yellowish"), "yellow"),
    "greenish": "green",
    **dict.fromkeys(("navy", "azure", "cyan", "turquoise", "teal", "bluish"), "blue"),
    **dict.fromkeys(("violet", "lilac", "purplish"), "purple"),
    **dict.fromkeys(("magenta", "fuchsia", "pinkish"), "pink"),
    **dict.fromkeys(("tan", "beige", "brownish"), "brown"),
    **{"blackish": "black", "whitish": "white", "pale": "light", "bright": "vivid"},
    **dict.fromkeys(("colorful", "multicoloured", "multicolored"), "colourful"),
}
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
# "light" is a colour word before one only: there are traffic lights
_COLOURED = re.compile(
    rf"\b(?:({_WORD})(?:[ -]?colou?red)?|(light)(?=[ -](?:{_WORD})\b))\b(?!['’]|-(?!{_WORD})\w)",
    re.IGNORECASE,
)
_DANGLING = re.compile(r"^(?:(?:and|or)\b|[-,])\s*", re.IGNORECASE)


def region_colours(image: Image, segments: Segments) -> Floats:
    """N×16 unit rows, components as in `COMPONENTS`: what is seen under each mask.

    The square roots of the shares of the eleven terms, then, at half weight, those of the shares
    of dark, light, vivid and dull pixels and of what has not the commonest colour. Cells that
    lie inside count more than those that the outline crosses.
    """
    small = image.reduced(SIDE)
    lab = to_lab(small.pixels)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    terms = colour_terms(small.pixels)
    maps = [terms == i for i in range(len(NAMES))]
    maps += [lab[..., 0] < 35, lab[..., 0] > 70, chroma > 40, chroma < 12]
    table = np.stack(maps, axis=-1).reshape(-1, len(maps)).astype(np.float32)
    rows = [np.zeros((0, len(COMPONENTS)), np.float32)]
    for start in range(0, len(segments), CHUNK):
        cover = coverage(segments[start : start + CHUNK], small.size).numpy() ** 2
        shares = cover @ table / cover.sum(axis=1, keepdims=True)
        others = 1 - shares[:, : len(NAMES)].max(axis=1, keepdims=True)
        rows.append(np.sqrt(np.clip(np.concatenate([shares, others], axis=1), 0, 1)))
    found = np.concatenate(rows)
    found[:, len(NAMES) :] *= MODIFIER_WEIGHT
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-6), np.float32)


def text_colours(texts: Sequence[str]) -> Floats:
    """N×16: of each text a unit row with its colour words, or zeros when it has none."""
    found = np.zeros((len(texts), len(COMPONENTS)), np.float32)
    for row, text in zip(found, texts, strict=True):
        for word, light in _COLOURED.findall(text):
            place = COMPONENTS.index("light" if light else _WORDS[word.lower()])
            row[place] = 1 if place < len(NAMES) else MODIFIER_WEIGHT
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-6), np.float32)


def without_colours(text: str) -> str:
    """The text without its colour words; the text itself where nothing else is left."""
    rest = _DANGLING.sub("", " ".join(_COLOURED.sub(" ", text).split()))
    return rest if re.search(r"\w", rest) else text
