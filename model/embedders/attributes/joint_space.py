"""The joint space: what a thing is and, beside it, how it looks and where, as one unit vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.embedders.attributes.colours import COLOUR_WORDS
from model.embedders.attributes.materials import MATERIAL_WORDS
from model.embedders.attributes.patterns import PATTERN_WORDS
from model.embedders.attributes.positions import POSITION_WORDS
from model.embedders.attributes.words import LookWords

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """One kind of look, as a part of the vectors.

    Attributes:
        words: that ask for it.
        of_segments: length of every segment's part, for one of its meaning.
        of_texts: the same of a text that asks for the look.
        means: whether its words tell something of the thing, too: what is wooden is no cloud, but
            anything can be on the left.
    """

    words: LookWords
    of_segments: float
    of_texts: float
    means: bool = True


LOOKS = (
    Look(COLOUR_WORDS, 0.4, 1.25),
    Look(PATTERN_WORDS, 0.4, 1.25),
    Look(MATERIAL_WORDS, 0.24, 1.25),
    Look(POSITION_WORDS, 0.24, 1.25, means=False),
)
LOOK_DIMENSIONS = sum(look.words.dimension for look in LOOKS)


def joined_segments(meanings: Floats, looks: Sequence[Floats]) -> Floats:
    """Unit rows of N×D unit rows and, for each of `LOOKS`, N unit rows.

    All segments have parts of the same lengths: where a text asks for no look, the order of the
    segments is that of their meanings.
    """
    parts = [look.of_segments * rows for look, rows in zip(LOOKS, looks, strict=True)]
    return unit(np.concatenate([meanings, *parts], axis=1))


def joined_texts(meanings: Floats, plain: Floats, texts: Sequence[str]) -> Floats:
    """Unit rows for N texts.

    Args:
        meanings: N×D unit rows of what the texts are `meant` to name.
        plain: N×D unit rows of the texts `without_looks`.
        texts: whose words are looked for.
    """
    parts = [look.of_texts * look.words.asked(texts) for look in LOOKS]
    return unit(np.concatenate([unit(meanings + plain), *parts], axis=1))


def meant(text: str) -> str:
    """The text without the words that tell nothing of what a thing is."""
    return _without(text, [look for look in LOOKS if not look.means])


def without_looks(text: str) -> str:
    """The text without the words of any look; where nothing else is left, with the last ones."""
    return _without(text, LOOKS)


def _without(text: str, looks: Sequence[Look]) -> str:
    for look in looks:
        text = look.words.without(text)
    return text


def unit(rows: Floats) -> Floats:
    """The rows at length 1; zeros stay zeros."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)
