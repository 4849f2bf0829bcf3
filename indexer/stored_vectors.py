"""The vectors of the catalog: one float16 blob a photo, cut into the rows that are asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from indexer.selection import Ids, ids_of_ranges, listed
from indexer.transactions import STORED
from model.errors import QueryError

Halves = NDArray[np.float16]

_PLACES = """
SELECT s.id, s.photo_id, s.id - p.first_segment
FROM json_each(?) AS asked JOIN segments AS s ON s.id = asked.value
JOIN photos AS p ON p.id = s.photo_id
"""
_OF_PHOTOS = """
SELECT v.photo_id, v.segment_vectors
FROM json_each(?) AS asked JOIN vectors AS v ON v.photo_id = asked.value
"""
_PHOTO_AFTER_SEGMENT = "SELECT photo_id FROM segments WHERE id > ? ORDER BY id LIMIT 1"
_BLOCK = """
SELECT p.first_segment, p.segment_count, v.segment_vectors
FROM photos AS p JOIN vectors AS v ON v.photo_id = p.id
WHERE p.id >= ? AND p.segment_count > 0 ORDER BY p.id LIMIT ?
"""
_PHOTOS_A_BLOCK = 128
_IDS_AT_ONCE = 20_000
_DENSE = 4  # rows asked of a photo from which its blob is quicker read whole


def vectors_of(
    connection: Connection, ids: Sequence[int] | Ids, dimension: int
) -> NDArray[np.float32]:
    """N×D float32, in the order asked; each photo's blob is read once.

    Raises:
        QueryError: there is no such segment.
    """
    asked = np.asarray(ids, np.int64)
    result = np.empty((len(asked), dimension), np.float32)
    for start in range(0, len(asked), _IDS_AT_ONCE):
        part = slice(start, start + _IDS_AT_ONCE)
        _fill(connection, asked[part], result[part])
    return result


def photo_vector(connection: Connection, photo_id: int) -> NDArray[np.float32]:
    """D float32, of the whole photo.

    Raises:
        QueryError: there is no such photo.
    """
    blob = connection.exec_driver_sql(
        "SELECT photo_vector FROM vectors WHERE photo_id = ?", (photo_id,)
    ).scalar_one_or_none()
    if blob is None:
        raise QueryError(f"the index has no photo {photo_id}", "take an id from a search's answer")
    return np.frombuffer(blob, STORED).astype(np.float32)


def vector_block(
    connection: Connection, after_id: int, dimension: int
) -> tuple[Ids, Halves] | None:
    """The segments that follow `after_id`, of whole photos: n ids ascending, n×D float16."""
    start = connection.exec_driver_sql(_PHOTO_AFTER_SEGMENT, (after_id,)).scalar_one_or_none()
    if start is None:
        return None
    rows = connection.exec_driver_sql(_BLOCK, (start, _PHOTOS_A_BLOCK)).all()
    ids = ids_of_ranges(
        np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)
    )
    vectors = np.frombuffer(b"".join(row[2] for row in rows), STORED).reshape(-1, dimension)
    new = ids > after_id
    return ids[new], vectors[new].astype(np.float16, copy=False)


def _fill(connection: Connection, asked: Ids, result: NDArray[np.float32]) -> None:
    places = connection.exec_driver_sql(_PLACES, (listed(asked.tolist()),)).all()
    table = np.array([tuple(place) for place in places], np.int64).reshape(-1, 3)
    table = table[np.argsort(table[:, 0])]
    at = np.searchsorted(table[:, 0], asked)
    known = at < len(table)
    known[known] = table[at[known], 0] == asked[known]
    if not known.all():
        raise QueryError(
            f"the index has no segment {asked[~known][0]}", "take an id from a search's answer"
        )
    photos, ordinals = table[at, 1], table[at, 2]
    order = np.argsort(photos, kind="stable")
    distinct, starts = np.unique(photos[order], return_index=True)
    if len(asked) < _DENSE * len(distinct) and _fill_rows(
        connection, photos[order], ordinals[order], order, result
    ):
        return
    members = dict(zip(distinct.tolist(), np.split(order, starts[1:]), strict=True))
    blobs = connection.exec_driver_sql(_OF_PHOTOS, (listed(distinct.tolist()),))
    for photo_id, blob in blobs:
        rows = members.pop(photo_id)
        vectors = np.frombuffer(blob, STORED).reshape(-1, result.shape[1])
        result[rows] = vectors[ordinals[rows]]
    if members:  # forgotten by another process between the two statements
        lost = asked[next(iter(members.values()))[0]]
        raise QueryError(f"the index has no segment {lost}", "take an id from a search's answer")


def _fill_rows(
    connection: Connection, photos: Ids, ordinals: Ids, order: Ids, result: NDArray[np.float32]
) -> bool:
    """Read single rows out of the blobs, a quarter of the time of reading them whole.

    False where that fails: reading them whole then says why in the catalog's words.
    """
    size = STORED.itemsize * result.shape[1]
    driver: Any = connection.connection.dbapi_connection
    pieces = []
    try:
        for photo_id, ordinal in zip(photos.tolist(), ordinals.tolist(), strict=True):
            with driver.blobopen("vectors", "segment_vectors", photo_id, readonly=True) as blob:
                blob.seek(size * ordinal)
                pieces.append(blob.read(size))
        result[order] = np.frombuffer(b"".join(pieces), STORED).reshape(-1, result.shape[1])
    except (sqlite3.Error, ValueError):
        return False
    return True
