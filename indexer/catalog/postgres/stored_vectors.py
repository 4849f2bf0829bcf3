"""The vectors of the catalog: one a segment and one a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.postgres.conditions import ids_given
from indexer.catalog.postgres.database import Connection, fetched
from indexer.catalog.postgres.half_vectors import exact, halves
from model.errors import QueryError

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

ROWS_A_BLOCK = 8192
_IDS_AT_ONCE = 20_000


def vectors_of(connection: Connection, ids: Sequence[int] | Ids, dimension: int) -> Floats:
    """N×D float32, in the order asked.

    Raises:
        QueryError: there is no such segment.
    """
    asked = np.asarray(ids, np.int64)
    result = np.empty((len(asked), dimension), np.float32)
    for start in range(0, len(asked), _IDS_AT_ONCE):
        part = asked[start : start + _IDS_AT_ONCE].tolist()
        rows = fetched(
            connection,
            "SELECT segment_id, halfvec_send(vector) FROM vectors"
            " WHERE segment_id = ANY(%s::bigint[])",
            ids_given(part),
        )
        places = {row[0]: place for place, row in enumerate(rows)}
        if lost := set(part) - places.keys():
            raise QueryError(
                f"the index has no segment {min(lost)}", "take an id from a search's answer"
            )
        vectors = exact(halves((row[1] for row in rows), dimension))
        result[start : start + len(part)] = vectors[[places[i] for i in part]]
    return result


def photo_vector(connection: Connection, photo_id: int, dimension: int) -> Floats:
    """D float32, of the whole photo.

    Raises:
        QueryError: there is no such photo.
    """
    found = fetched(
        connection,
        "SELECT halfvec_send(vector) FROM photo_vectors WHERE photo_id = ANY(%s::bigint[])",
        ids_given([photo_id]),
    )
    if not found:
        raise QueryError(f"the index has no photo {photo_id}", "take an id from a search's answer")
    (vector,) = exact(halves([found[0][0]], dimension))
    return np.asarray(vector)


def vector_block(
    connection: Connection, after_id: int, dimension: int
) -> tuple[Ids, Floats] | None:
    """The segments that follow `after_id`: n ids ascending, n×D float32; None at the end."""
    found = fetched(
        connection,
        "SELECT segment_id, halfvec_send(vector) FROM vectors WHERE segment_id > %s"
        f" ORDER BY segment_id LIMIT {ROWS_A_BLOCK}",
        after_id,
    )
    if not found:
        return None
    ids = np.array([row[0] for row in found], np.int64)
    return ids, exact(halves((row[1] for row in found), dimension))
