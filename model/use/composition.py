"""The joint space: what a thing is beside which colours it has, as one unit vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.use.colours import COMPONENTS

Floats = NDArray[np.float32]

COLOUR_DIMENSIONS = len(COMPONENTS)
OF_SEGMENTS = 0.4  # length of a segment's colour part, for one of its meaning
OF_TEXTS = 1.25  # the same of a text that names a colour


def joined_segments(meanings: Floats, colours: Floats) -> Floats:
    """N×(D+16) unit rows of N×D unit rows and N×16 unit rows.

    All segments have a colour part of one length: where a text names none, the order of the
    segments is that of their meanings.
    """
    return _unit(np.concatenate([meanings, OF_SEGMENTS * colours], axis=1))


def joined_texts(meanings: Floats, plain: Floats, colours: Floats) -> Floats:
    """N×(D+16) unit rows.

    Args:
        meanings: N×D unit rows of the texts as they are.
        plain: N×D unit rows of the texts without their colour words.
        colours: N×16, unit rows or zeros.
    """
    return _unit(np.concatenate([_unit(meanings + plain), OF_TEXTS * colours], axis=1))


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)
