"""Unit vectors as pgvector keeps them, in float16.

`vector_codec` makes a vector one byte a component, and unit vectors of the bytes: those in float16
are what an embedded store holds, too, so both give the same answers. The bytes can be told from
them: float16 is off by 0.05 % of a component, the bytes are whole numbers of 127 at the most. So
the vectors of a catalog are kept once, and exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.vector_codec import Numbers, numbers_of, unit_vectors

Floats = NDArray[np.float32]
SENT = "halfvec_send({column})"
"""SQL for a vector as the bytes that `halves` reads."""


def sent_halves(numbers: Numbers) -> list[bytes]:
    """N vectors as they are kept, each in the bytes that the server takes, of N×D numbers."""
    dimension = numbers.shape[1]
    sent = np.empty((len(numbers), dimension + 2), ">u2")
    sent[:, 0], sent[:, 1] = dimension, 0
    sent[:, 2:] = unit_vectors(numbers).astype(np.float16).view(np.uint16)
    return [row.tobytes() for row in sent]


def halves(sent: Iterable[bytes], dimension: int) -> Floats:
    """N×D float32: vectors as they are kept, out of their bytes as the server sends them.

    Raises:
        ValueError: vectors of another length.
    """
    return np.asarray(_words(sent, dimension).view(np.float16).astype(np.float32))


def _words(sent: Iterable[bytes], dimension: int) -> NDArray[np.uint16]:
    """N×D: the bits of vectors' components, as the server sends them."""
    words = np.frombuffer(b"".join(sent), ">u2").reshape(-1, dimension + 2)
    if (words[:, 0] != dimension).any():
        raise ValueError("vectors of another length")
    return np.asarray(words[:, 2:].astype(np.uint16))


def exact(kept: Floats) -> Floats:
    """N×D float32: unit vectors of the bytes that vectors were made from, as any catalog's are."""
    return unit_vectors(numbers_of(kept))


def kept_numbers(sent: Iterable[bytes], dimension: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """N×D int8 that vectors were made from, and which of the N can have come from any.

    Args:
        sent: vectors as the server sends them.
        dimension: components of each.
    """
    words = _words(sent, dimension)
    kept = words.view(np.float16).astype(np.float32)
    whole = np.asarray(np.isfinite(kept).all(axis=1) & kept.any(axis=1))
    numbers = numbers_of(kept if whole.all() else np.where(whole[:, None], kept, np.float32(1)))
    again = unit_vectors(numbers).astype(np.float16).view(np.uint16)
    return numbers, np.asarray(whole & (again == words).all(axis=1))


def are_kept(sent: Iterable[bytes], dimension: int) -> NDArray[np.bool_]:
    """Which of N vectors as the server sends them can have come from `sent_halves`."""
    return kept_numbers(sent, dimension)[1]
