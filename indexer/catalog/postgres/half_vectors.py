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
from pgvector import HalfVector

from indexer.catalog import vector_codec

Floats = NDArray[np.float32]
SENT = "halfvec_send({column})"
"""SQL for a vector as the bytes that `halves` reads."""


def half_vectors(vectors: NDArray[np.floating]) -> list[HalfVector]:
    """N×D finite rows, none of them zero, as they are kept."""
    packed = vector_codec.pack(vectors)
    rows = vector_codec.unpack(packed, vectors.shape[1]) if packed else vectors
    return [HalfVector(row) for row in rows.astype(np.float16)]


def halves(sent: Iterable[bytes], dimension: int) -> Floats:
    """N×D float32: vectors as they are kept, out of their bytes as the server sends them.

    Raises:
        ValueError: vectors of another length.
    """
    words = np.frombuffer(b"".join(sent), ">u2").reshape(-1, dimension + 2)
    if (words[:, 0] != dimension).any():
        raise ValueError("vectors of another length")
    numbers = words[:, 2:].astype(np.uint16).view(np.float16)
    return np.asarray(numbers.astype(np.float32))


def exact(kept: Floats) -> Floats:
    """N×D float32: unit vectors of the bytes that vectors were made from, as any catalog's are."""
    return vector_codec.unpack(vector_codec.pack(kept), kept.shape[1]) if len(kept) else kept


def are_kept(kept: Floats) -> NDArray[np.bool_]:
    """Which of N×D vectors can have come from `half_vectors`."""
    if not len(kept):
        return np.zeros(0, np.bool_)
    finite = np.asarray(np.isfinite(kept).all(axis=1) & kept.any(axis=1))
    whole = np.where(finite.reshape(-1, 1), kept, np.float32(1))
    again = exact(whole).astype(np.float16).astype(np.float32)
    return np.asarray(finite & (again == kept).all(axis=1))
