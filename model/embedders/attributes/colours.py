"""The colour part of an embedding: which colours a region has, which colour words a text has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.embedders.attributes.pixel_grid import Cells
from model.embedders.attributes.words import AttributeWords
from model.photos.colour_terms import NAMES, colour_terms, to_lab

Floats = NDArray[np.float32]

MODIFIERS = ("dark", "light", "vivid", "dull", "colourful")
COMPONENTS = (*NAMES, *MODIFIERS)
MODIFIER_WEIGHT = 0.5

_ALIKE = {
    "grey": "grey|gray|silver|greyish|grayish",
    "red": "red|crimson|scarlet|maroon|burgundy|reddish",
    "yellow": "yellow|golden|yellowish",
    "green": "green|greenish",
    "blue": "blue|navy|azure|cyan|turquoise|teal|bluish",
    "purple": "purple|violet|lilac|purplish",
    "pink": "pink|magenta|fuchsia|pinkish",
    "brown": "brown|tan|beige|brownish",
    "black": "black|blackish",
    "white": "white|whitish",
    "vivid": "vivid|bright",
    "light": "pale",
    "colourful": "colourful|colorful|multicolou?red",
}
_NAMED = {name: _ALIKE.get(name, name) for name in COMPONENTS}
_WORD = "|".join(_NAMED.values())
# "light" is a colour word before one only: there are traffic lights
_NAMED["light"] += rf"|light(?=[ -](?:{_WORD})\b)"
_GROUPS = "|".join(f"(?P<{name}>{words})" for name, words in _NAMED.items())
_WEIGHTS = [1] * len(NAMES) + [MODIFIER_WEIGHT] * len(MODIFIERS)
COLOUR_WORDS = AttributeWords(
    rf"\b(?:{_GROUPS})(?:[ -]?colou?red)?\b(?!['’]|-(?!{_WORD})\w)",
    dict(zip(COMPONENTS, np.diag(_WEIGHTS).tolist(), strict=True)),
)


def region_colours(cells: Cells) -> Floats:
    """N×16 unit rows, components as in `COMPONENTS`: what is seen under each mask.

    The square roots of the shares of the eleven terms, then, at half weight, those of the shares
    of dark, light, vivid and dull cells and of what has not the commonest colour. Cells that
    lie inside count more than those that the outline crosses.
    """
    pixels = np.rint(cells.means(cells.image.pixels.astype(np.float32))).astype(np.uint8)[None]
    lab = to_lab(pixels)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    terms = colour_terms(pixels)
    maps = [terms == i for i in range(len(NAMES))]
    maps += [lab[..., 0] < 35, lab[..., 0] > 70, chroma > 40, chroma < 12]
    table = np.stack(maps, axis=-1)[0].astype(np.float32)
    cover = cells.cover**2
    shares = cover @ table / cover.sum(axis=1, keepdims=True)
    others = 1 - shares[:, : len(NAMES)].max(axis=1, keepdims=True)
    found = np.sqrt(np.clip(np.concatenate([shares, others], axis=1), 0, 1))
    found[:, len(NAMES) :] *= MODIFIER_WEIGHT
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-6), np.float32)
