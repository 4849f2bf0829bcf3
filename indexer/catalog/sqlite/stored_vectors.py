"""The vectors of the catalog: one a segment and one a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import vector_codec
from indexer.catalog.asked_vectors import Floats, asked_vectors
from indexer.catalog.damaged_photo import damaged_photo
from indexer.catalog.sqlite.database import fetched
from indexer.catalog.sqlite.filter_query import Ids, listed
from indexer.catalog.sqlite.row_faults import vector_faults
from indexer.catalog.sqlite.seals import seal_of_vector
from indexer.catalog.unknown_ids import unknown_photo

_ASKED = """
SELECT v.segment_id, v.vector, v.seal
FROM json_each(?) AS asked CROSS JOIN vectors AS v ON v.segment_id = asked.value
"""
_BLOCK = (
    "SELECT segment_id, vector, seal FROM vectors WHERE segment_id > ? ORDER BY segment_id LIMIT ?"
)
_OF_PHOTO = "SELECT photo_id, vector, seal FROM photo_vectors WHERE photo_id = ?"
_ROWS_A_BLOCK = 8192


def vectors_of(connection: Connection, ids: Sequence[int] | Ids, dimension: int) -> Floats:
    """N×D float32, in the order asked.

    Raises:
        QueryError: there is no such segment.
    """

    def read(part: list[int]) -> tuple[list[int], Floats]:
        # CROSS JOIN keeps the order of what is asked
        rows = fetched(connection, _ASKED, listed(part))
        return [row[0] for row in rows], _unpacked(connection, rows, dimension)

    return asked_vectors(ids, dimension, read)


def photo_vector(connection: Connection, photo_id: int, dimension: int) -> Floats:
    """D float32, of the whole photo.

    Raises:
        QueryError: there is no such photo.
    """
    rows = fetched(connection, _OF_PHOTO, photo_id)
    if not rows:
        raise unknown_photo(photo_id)
    if vector_faults(rows, dimension)[0]:
        raise damaged_photo(photo_id, vector_faults(rows, dimension)[0])
    (vector,) = vector_codec.unpack([rows[0][1]], dimension)
    return np.asarray(vector)


def vector_block(
    connection: Connection, after_id: int, dimension: int
) -> tuple[Ids, Floats] | None:
    """The segments that follow `after_id`: n ids ascending, n×D float32; None at the end."""
    rows = fetched(connection, _BLOCK, after_id, _ROWS_A_BLOCK)
    if not rows:
        return None
    vectors = _unpacked(connection, rows, dimension)
    return np.array([row[0] for row in rows], np.int64), vectors


def _unpacked(connection: Connection, rows: Sequence[Sequence[Any]], dimension: int) -> Floats:
    """Vectors of rows of `vectors`, once all are seen to be what was written."""
    if any(row[2] != seal_of_vector(row[0], row[1]) for row in rows):
        faults = vector_faults(rows, dimension)
        segment_id, fault = next(
            (r[0], fault) for r, fault in zip(rows, faults, strict=True) if fault
        )
        owner = fetched(connection, "SELECT photo_id FROM segments WHERE id = ?", segment_id)
        raise damaged_photo(owner[0][0] if owner else "unknown", fault)
    return vector_codec.unpack((row[1] for row in rows), dimension)
