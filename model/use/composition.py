"""The joint space: what a thing is, beside which colours and what pattern it has, as one unit
vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.use.colours import COMPONENTS
from model.use.patterns import PATTERNS

Floats = NDArray[np.float32]

LOOK_DIMENSIONS = len(COMPONENTS) + len(PATTERNS)
OF_SEGMENTS = (
    0.4  # length of a segment's colour part, and of its pattern part, for one of its meaning
)
OF_TEXTS = 1.25  # the same of a text that names a colour, or a pattern


def joined_segments(meanings: Floats, colours: Floats, patterns: Floats) -> Floats:
    """N×(D+19) unit rows of N×D, N×16 and N×3 unit rows.

    All segments have parts of the same lengths: where a text names no colour and no pattern, the
    order of the segments is that of their meanings.
    """
    return unit(np.concatenate([meanings, OF_SEGMENTS * colours, OF_SEGMENTS * patterns], axis=1))


def joined_texts(meanings: Floats, plain: Floats, colours: Floats, patterns: Floats) -> Floats:
    """N×(D+19) unit rows.

    Args:
        meanings: N×D unit rows of the texts as they are.
        plain: N×D unit rows of the texts without the words of their looks.
        colours: N×16, unit rows or zeros.
        patterns: N×3, likewise.
    """
    parts = [unit(meanings + plain), OF_TEXTS * colours, OF_TEXTS * patterns]
    return unit(np.concatenate(parts, axis=1))


def unit(rows: Floats) -> Floats:
    """The rows at length 1; zeros stay zeros."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)
