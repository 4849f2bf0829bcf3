"""Rows read back: photos, segments and files as records.

These reads are on every search's path, so their statements are written out and run as they are.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.records import FileStamp, KnownFile, PhotoRow, SegmentRow
from indexer.catalog.sqlite import box_codec
from indexer.catalog.sqlite.database import fetched
from indexer.catalog.sqlite.filter_query import listed

_PHOTOS = """
SELECT p.id, p.content_hash, p.format, p.height, p.width, p.orientation, p.taken_at, p.camera,
       p.latitude, p.longitude, p.perceptual_hash, p.taken_offset, p.taken_source,
       p.pixel_digest, f.path
FROM json_each(?) AS asked JOIN photos AS p ON p.id = asked.value
JOIN files AS f ON f.photo_id = p.id
ORDER BY f.path
"""
_SEGMENT = """
SELECT s.id, s.photo_id, s.id - p.first_segment, p.frame_height, p.frame_width, s.counts, s.box,
       s.area, s.quality, s.parent + p.first_segment, p.perceptual_hash
"""
_SEGMENTS = f"""{_SEGMENT}
FROM json_each(?) AS asked JOIN segments AS s ON s.id = asked.value
JOIN photos AS p ON p.id = s.photo_id
"""
_SEGMENTS_OF_PHOTO = f"""{_SEGMENT}
FROM photos AS p JOIN segments AS s
  ON s.id BETWEEN p.first_segment AND p.first_segment + p.segment_count - 1
WHERE p.id = ? ORDER BY s.id
"""
_FILE = "SELECT path, size, mtime_ns, photo_id, kind, reason FROM files"
_BLOCK = 5000


def photo_rows(connection: Connection, ids: Iterable[int]) -> dict[int, PhotoRow]:
    """The photos of these ids that there are."""
    rows = fetched(connection, _PHOTOS, listed(ids))
    files = defaultdict[int, list[str]](list)
    for row in rows:
        files[row[0]].append(os.fsdecode(row[-1]))
    return {row[0]: _photo(row, files[row[0]]) for row in rows}


def segment_rows(connection: Connection, ids: Iterable[int]) -> dict[int, SegmentRow]:
    """The segments of these ids that there are."""
    rows = fetched(connection, _SEGMENTS, listed(ids))
    return {row[0]: _segment(row) for row in rows}


def segment_rows_of(connection: Connection, photo_id: int) -> list[SegmentRow]:
    """A photo's segments, by ordinal."""
    return [_segment(row) for row in connection.exec_driver_sql(_SEGMENTS_OF_PHOTO, (photo_id,))]


def file_itself(connection: Connection, path: str) -> list[KnownFile]:
    """The file of this path, if it is known."""
    rows = connection.exec_driver_sql(f"{_FILE} WHERE path = ?", (os.fsencode(path),))
    return _known_files(rows)


def file_block(connection: Connection, after: bytes, before: bytes) -> list[KnownFile]:
    """The next files whose path's bytes lie between two; empty at the end."""
    rows = connection.exec_driver_sql(
        f"{_FILE} WHERE path > ? AND path < ? ORDER BY path LIMIT {_BLOCK}", (after, before)
    )
    return _known_files(rows)


def _known_files(rows: Iterable[Sequence[Any]]) -> list[KnownFile]:
    return [
        KnownFile(FileStamp(os.fsdecode(path), size, mtime_ns), photo_id, kind, reason)
        for path, size, mtime_ns, photo_id, kind, reason in rows
    ]


def _photo(row: Sequence[Any], files: list[str]) -> PhotoRow:
    taken_at = row[6]
    present = files[0]
    if len(files) > 1:
        present = next((file for file in files if Path(file).exists()), present)
    return PhotoRow(
        id=row[0],
        path=present,
        content_hash=row[1],
        format=row[2],
        size=(row[3], row[4]),
        orientation=row[5],
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        camera=row[7],
        latitude=row[8],
        longitude=row[9],
        perceptual_hash=row[10],
        files=tuple(files),
        taken_offset=row[11],
        taken_source=row[12],
        pixel_digest=row[13],
    )


def _segment(row: Sequence[Any]) -> SegmentRow:
    return SegmentRow(
        id=row[0],
        photo_id=row[1],
        ordinal=row[2],
        frame=(row[3], row[4]),
        counts=row[5],
        box=box_codec.unpack(row[6]),
        area=row[7],
        quality=row[8],
        parent_id=row[9],
        photo_hash=row[10],
    )
