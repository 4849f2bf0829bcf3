"""The joint space: what a thing is and, beside it, how it looks, where it is and as which class it
is seen, as one unit vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.embedders.attributes.colours import COLOUR_WORDS
from model.embedders.attributes.materials import MATERIAL_WORDS
from model.embedders.attributes.patterns import PATTERN_WORDS
from model.embedders.attributes.positions import POSITION_WORDS
from model.embedders.attributes.words import AttributeWords

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Attribute:
    """One kind of attribute, as a part of the vectors.

    Attributes:
        words: words that ask for the attribute.
        of_segments: length of every segment's part, for one of its meaning.
        of_texts: the same of a text that asks for the attribute.
        means: whether its words tell something of the thing, too: what is wooden is no cloud, but
            anything can be on the left.
    """

    words: AttributeWords
    of_segments: float
    of_texts: float
    means: bool = True


ATTRIBUTES = (
    Attribute(COLOUR_WORDS, 0.4, 1.25),
    Attribute(PATTERN_WORDS, 0.4, 1.25),
    Attribute(MATERIAL_WORDS, 0.24, 1.25),
    Attribute(POSITION_WORDS, 0.24, 1.25, means=False),
)
ATTRIBUTE_DIMENSIONS = sum(attribute.words.dimension for attribute in ATTRIBUTES)
CLASS_DIMENSIONS = 42  # after those of attributes, the last ones
CLASS_OF_SEGMENTS = 0.4  # as `Attribute.of_segments`
CLASS_OF_TEXTS = 3.0  # of a text that the classes cover wholly
CLASS_BESIDE_LOOKS = 0.5  # the same of one that asks for an attribute, which it would drown


def joined_segments(meanings: Floats, attributes: Sequence[Floats], classes: Floats) -> Floats:
    """Unit rows of N×D unit rows, for each of `ATTRIBUTES` N unit rows, and N of classes.

    All segments have parts of the same lengths: where a text asks for no attribute, the order of
    the segments is that of their meanings.
    """
    parts = [
        attribute.of_segments * rows for attribute, rows in zip(ATTRIBUTES, attributes, strict=True)
    ]
    return unit(np.concatenate([meanings, *parts, CLASS_OF_SEGMENTS * classes], axis=1))


def joined_texts(meanings: Floats, plain: Floats, texts: Sequence[str], classes: Floats) -> Floats:
    """Unit rows for N texts.

    Args:
        meanings: N×D unit rows of what the texts are `meant` to name.
        plain: N×D unit rows of the texts `without_looks`.
        texts: texts in which words of attributes are looked for.
        classes: N rows of the classes that they ask for, of length 1 at most.
    """
    parts = [attribute.of_texts * attribute.words.asked(texts) for attribute in ATTRIBUTES]
    asks = np.concatenate(parts, axis=1).any(axis=1, keepdims=True)
    parts.append(np.where(asks, CLASS_BESIDE_LOOKS, CLASS_OF_TEXTS).astype(np.float32) * classes)
    return unit(np.concatenate([unit(meanings + plain), *parts], axis=1))


def meant(text: str) -> str:
    """The text without the words that tell nothing of what a thing is."""
    return _without(text, [attribute for attribute in ATTRIBUTES if not attribute.means])


def without_looks(text: str) -> str:
    """The text without words of attributes; where nothing else is left, with the last ones."""
    return _without(text, ATTRIBUTES)


def _without(text: str, attributes: Sequence[Attribute]) -> str:
    for attribute in attributes:
        text = attribute.words.without(text)
    return text


def unit(rows: Floats) -> Floats:
    """The rows at length 1; zeros stay zeros."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)
