"""A unit vector in one byte a component.

A unit vector is its direction, so whole numbers in proportion to its components say it all: read
back, they are scaled to length one. The largest of them is 127, the others are rounded to the
nearest. For some hundred components the cosine to what was given is about 0.9999.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LARGEST = 127

Numbers = NDArray[np.int8]
Floats = NDArray[np.float32]


def pack(vectors: NDArray[np.floating]) -> list[bytes]:
    """N×D finite rows, none of them zero, as N times D bytes, numbers from -127 to 127.

    What `unpack` makes of them is packed into the same bytes again.
    """
    return [row.tobytes() for row in numbers_of(vectors)]


def unpack(packed: Iterable[bytes], dimension: int) -> Floats:
    """N×D float32 rows of length one, to the last bit the same on every machine."""
    return unit_vectors(numbers_in(packed, dimension))


def are_packed(packed: Iterable[bytes], dimension: int) -> NDArray[np.bool_]:
    """Which of N times D bytes can have come from `pack`: those whose largest number is right."""
    return are_numbers(numbers_in(packed, dimension))


def numbers_of(vectors: NDArray[np.floating]) -> Numbers:
    """N×D int8: the numbers that `pack` keeps of such rows."""
    rows = np.asarray(vectors, np.float32)
    scale = LARGEST / np.abs(rows).max(axis=1, keepdims=True)
    return np.asarray(np.rint(rows * scale).astype(np.int8))


def numbers_in(packed: Iterable[bytes], dimension: int) -> Numbers:
    """N×D int8: the numbers of N times D bytes."""
    return np.frombuffer(b"".join(packed), np.int8).reshape(-1, dimension)


def unit_vectors(numbers: Numbers) -> Floats:
    """N×D float32 rows of length one, of N×D int8."""
    # Whole numbers are added up without rounding, in whatever order. Only damage makes none of
    # them differ from zero, and then they stay so.
    squares = np.einsum("nd,nd->n", numbers, numbers, dtype=np.int32)
    lengths = np.sqrt(np.maximum(squares, 1).astype(np.float32))
    return np.asarray(numbers / lengths[:, None], np.float32)


def are_numbers(numbers: Numbers) -> NDArray[np.bool_]:
    """Which of N×D int8 can have come from `numbers_of`."""
    most = numbers.max(axis=1, initial=0)
    least = numbers.min(axis=1, initial=0)
    return np.asarray(np.maximum(most, -least.astype(np.int16)) == LARGEST)
