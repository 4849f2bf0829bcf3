"""Seen looks: which colour and which material a segment's vector tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.embedders.attributes.colours import COLOUR_WORDS
from model.embedders.attributes.joint_space import (
    ATTRIBUTE_DIMENSIONS,
    ATTRIBUTES,
    CLASS_DIMENSIONS,
)
from model.embedders.attributes.materials import MATERIAL_WORDS, MATERIALS
from model.embedders.attributes.words import AttributeWords
from model.photos.colour_terms import NAMES

Floats = NDArray[np.float32]
Codes = NDArray[np.int8]

LEAST_SHARE = 0.5
"""Share of a segment that a colour has, or probability of a material, from which it is seen."""


@dataclass(frozen=True)
class SeenLook:
    """One kind of look, as segments' vectors tell it.

    Attributes:
        names: names of what is seen, which a question may say.
        words: words of the attribute whose part of the vectors tells it.
        whole: number of components of that part, the first ones, whose squares are the shares of
            a whole; the names come first.
    """

    names: tuple[str, ...]
    words: AttributeWords
    whole: int

    def seen_in(self, vectors: Floats) -> Codes:
        """N int8: the place in `names` of what N×D vectors tell, as `joined_segments` makes them;
        -1 where nothing is seen."""
        start = vectors.shape[1] - CLASS_DIMENSIONS - ATTRIBUTE_DIMENSIONS
        for attribute in ATTRIBUTES:
            if attribute.words is self.words:
                break
            start += attribute.words.dimension
        shares = np.square(vectors[:, start : start + self.whole])
        total = np.maximum(shares.sum(axis=1), 1e-9)
        best = shares.argmax(axis=1)
        sure = shares[np.arange(len(shares)), best] >= LEAST_SHARE * total
        return np.where(sure & (best < len(self.names)), best, -1).astype(np.int8)


LOOKS: Mapping[str, SeenLook] = {
    "colours": SeenLook(NAMES, COLOUR_WORDS, len(NAMES)),
    "materials": SeenLook(MATERIALS, MATERIAL_WORDS, len(MATERIALS) + 1),
}
"""Kinds of looks that are told, by their names."""
