"""Vectors that are asked for by ids: read some thousand at a time, and brought in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.unknown_ids import unknown_segment

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

_IDS_AT_ONCE = 20_000


def asked_vectors(
    ids: Sequence[int] | Ids,
    dimension: int,
    read: Callable[[list[int]], tuple[list[int], Floats]],
) -> Floats:
    """N×D float32, in the order asked.

    Args:
        ids: N ids of segments.
        dimension: components of a vector.
        read: function that reads the vectors of some ids: ids that are there, and their vectors.

    Raises:
        QueryError: there is no such segment.
    """
    asked = np.asarray(ids, np.int64)
    result = np.empty((len(asked), dimension), np.float32)
    for start in range(0, len(asked), _IDS_AT_ONCE):
        part = asked[start : start + _IDS_AT_ONCE].tolist()
        found, vectors = read(part)
        if found != part:
            places = {segment_id: place for place, segment_id in enumerate(found)}
            if lost := set(part) - places.keys():
                raise unknown_segment(min(lost))
            vectors = vectors[[places[i] for i in part]]
        result[start : start + len(part)] = vectors
    return result
