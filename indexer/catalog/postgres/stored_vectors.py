"""The vectors of the catalog: one a segment and one a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.asked_vectors import Floats, Ids, asked_vectors
from indexer.catalog.postgres.conditions import ids_given
from indexer.catalog.postgres.database import Connection, fetched
from indexer.catalog.postgres.half_vectors import exact, halves
from indexer.catalog.unknown_ids import unknown_photo

ROWS_A_BLOCK = 8192
_ASKED = """
SELECT segment_id, halfvec_send(vector) FROM vectors WHERE segment_id = ANY(%s::bigint[])
"""


def vectors_of(connection: Connection, ids: Sequence[int] | Ids, dimension: int) -> Floats:
    """N×D float32, in the order asked.

    Raises:
        QueryError: there is no such segment.
    """

    def read(part: list[int]) -> tuple[list[int], Floats]:
        rows = fetched(connection, _ASKED, ids_given(part))
        return [row[0] for row in rows], exact(halves((row[1] for row in rows), dimension))

    return asked_vectors(ids, dimension, read)


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
        raise unknown_photo(photo_id)
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
