"""Columns of all photos and segments, and ids, as arrays: numbers are sent joined to one text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.id_ranges import ids_of_ranges
from indexer.catalog.postgres.conditions import Conditions
from indexer.catalog.postgres.database import Connection, fetched

Ids = NDArray[np.int64]
_AT_ONCE = 500_000


def selected_segments(connection: Connection, conditions: Conditions) -> Ids:
    """Ids of the segments that meet all conditions, int64, ascending.

    Conditions on photos are answered from the photos alone: a photo's segments have ids that
    follow each other, so a million of them are some thousand ranges.
    """
    if not conditions.of_segments:
        ranges = fetched(
            connection,
            f"SELECT first_segment, segment_count FROM photos AS p WHERE {conditions.where}"
            " ORDER BY first_segment, segment_count",
            *conditions.values,
        )
        pairs = np.array(ranges, np.int64).reshape(-1, 2)
        return ids_of_ranges(pairs[:, 0], pairs[:, 1])
    ((sent,),) = fetched(
        connection,
        f"SELECT string_agg(int8send(s.id), '') FROM {conditions.joined} WHERE {conditions.where}",
        *conditions.values,
    )
    return np.sort(_numbers(sent, ">i8").astype(np.int64))


def photo_columns(connection: Connection) -> PhotoColumns:
    """All photos, by ascending id."""
    rows = fetched(
        connection,
        "SELECT p.id, p.first_segment, p.segment_count, p.taken_at, p.perceptual_hash, p.camera,"
        " p.format, (SELECT min(path) FROM files WHERE photo_id = p.id)"
        " FROM photos AS p ORDER BY p.id",
    )
    return PhotoColumns.of_rows(rows)


def segment_columns(connection: Connection, after_id: int) -> SegmentColumns:
    """All segments above an id, by ascending id."""
    found = SegmentColumns.empty()
    while True:
        ((count, *sent),) = fetched(
            connection,
            "SELECT count(*), string_agg(int8send(id), '' ORDER BY id),"
            " string_agg(int8send(photo_id), '' ORDER BY id),"
            " string_agg(float8send(share), '' ORDER BY id),"
            " string_agg(float4send(centre_x), '' ORDER BY id),"
            " string_agg(float4send(centre_y), '' ORDER BY id)"
            f" FROM (SELECT * FROM segments WHERE id > %s ORDER BY id LIMIT {_AT_ONCE}) AS block",
            after_id,
        )
        if not count:
            return found
        ids, photo_ids, shares, across, down = map(
            _numbers, sent, (">i8", ">i8", ">f8", ">f4", ">f4")
        )
        centres = np.stack([across, down], axis=1).astype(np.float32)
        some = SegmentColumns(
            ids.astype(np.int64), photo_ids.astype(np.int64), shares.astype(np.float32), centres
        )
        found = found.joined(some)
        after_id = int(some.ids[-1])


def _numbers(sent: bytes | None, kind: str) -> NDArray[np.generic]:
    return np.frombuffer(sent or b"", kind)
