"""Rows read back: photos, segments and files as records.

These reads are on every search's path, so their statements are written out and run as they are.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.damaged_photo import NO_FILE, OTHER_SEGMENTS, damaged_photo
from indexer.catalog.records import FileStamp, KnownFile, Origin, PhotoRow, SegmentRow
from indexer.catalog.row_records import OWNER_COLUMNS, Owner, photo_record, segment_record
from indexer.catalog.sqlite.database import fetched
from indexer.catalog.sqlite.filter_query import listed
from indexer.catalog.sqlite.row_faults import (
    file_fault,
    origin_fault,
    photo_fault,
    segment_faults,
)
from indexer.catalog.sqlite.sealing import blocks
from indexer.catalog.sqlite.seals import SEALED, selected
from model.errors import IndexDamaged, shown

_PHOTOS = f"""
SELECT {selected("photos", "p.")}, {selected("files", "f.")}
FROM json_each(?) AS asked JOIN photos AS p ON p.id = asked.value
LEFT JOIN files AS f ON f.photo_id = p.id
ORDER BY f.path
"""
_LONELY = "SELECT id FROM photos AS p WHERE NOT EXISTS (SELECT 1 FROM files WHERE photo_id = p.id)"
_ORIGIN = selected("origins", "o.")
_SEGMENTS = f"""
SELECT {selected("segments", "s.")}, {OWNER_COLUMNS}, {_ORIGIN}
FROM json_each(?) AS asked JOIN segments AS s ON s.id = asked.value
JOIN photos AS p ON p.id = s.photo_id
LEFT JOIN origins AS o ON o.segment_id = s.id
"""
_SEGMENTS_OF_PHOTO = f"""
SELECT {selected("segments", "s.")}, {OWNER_COLUMNS}, {_ORIGIN}
FROM photos AS p JOIN segments AS s ON s.photo_id = p.id
LEFT JOIN origins AS o ON o.segment_id = s.id
WHERE p.id = ? ORDER BY s.id
"""
FILES = f"SELECT {selected('files')} FROM files"
_TAKEN, _FRAME, _PIXELS = map(SEALED["photos"].index, ("taken_at", "frame_height", "pixel_digest"))
_OF_PHOTO = len(SEALED["photos"]) + 1
_OF_SEGMENT = len(SEALED["segments"]) + 1
_WITH_OWNER = _OF_SEGMENT + len(Owner._fields)


def photo_rows(connection: Connection, ids: Iterable[int]) -> dict[int, PhotoRow]:
    """The photos of these ids that there are."""
    photos, stamps = raw_photos(connection, ids)
    return {photo_id: judged_photo(row, stamps[photo_id]) for photo_id, row in photos.items()}


def raw_photos(
    connection: Connection, ids: Iterable[int]
) -> tuple[dict[int, Sequence[Any]], dict[int, list[FileStamp]]]:
    """Rows of photos, as `judged_photo` takes them, and stamps of their files, by id."""
    photos = dict[int, Sequence[Any]]()
    stamps = defaultdict[int, list[FileStamp]](list)
    for row in fetched(connection, _PHOTOS, listed(ids)):
        photos[row[0]] = row[:_OF_PHOTO]
        if row[_OF_PHOTO] is None:
            raise damaged_photo(row[0], NO_FILE)
        stamps[row[0]].append(known_file(row[_OF_PHOTO:]).stamp)
    return photos, stamps


def ids_by_hash(connection: Connection, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
    """Ids of the photos that have these contents."""
    statement = "SELECT id FROM photos WHERE content_hash = ?"
    found = {each: fetched(connection, statement, each) for each in content_hashes}
    return {content_hash: ids[0][0] for content_hash, ids in found.items() if ids}


def require_sound_photos(connection: Connection) -> None:
    """Judge every photo, as conditions leave photos out whose rows nobody reads then.

    Raises:
        IndexDamaged: a row is not what was written, or a photo has no file.
    """
    for block in blocks(connection, "photos", selected("photos")):
        for row in block:
            if fault := photo_fault(row):
                raise damaged_photo(row[0], fault)
    for (photo_id,) in fetched(connection, f"{_LONELY} LIMIT 1"):
        raise damaged_photo(photo_id, NO_FILE)


def require_sound_files(connection: Connection) -> None:
    """Judge every file's row, as `require_sound_photos` does photos'."""
    for block in blocks(connection, "files", selected("files")):
        for row in block:
            _require_sound_file(row)


def segment_rows(connection: Connection, ids: Iterable[int]) -> dict[int, SegmentRow]:
    """The segments of these ids that there are."""
    return {row.id: row for row in _segments(fetched(connection, _SEGMENTS, listed(ids)))}


def segment_rows_of(connection: Connection, photo_id: int) -> list[SegmentRow]:
    """A photo's segments, by ordinal."""
    rows = fetched(connection, _SEGMENTS_OF_PHOTO, photo_id)
    if rows and len(rows) != rows[0][_OF_SEGMENT + 1]:
        raise damaged_photo(photo_id, OTHER_SEGMENTS)
    return _segments(rows)


def known_file(row: Sequence[Any]) -> KnownFile:
    """A row of `files` as a record; IndexDamaged where it is not what was written."""
    _require_sound_file(row)
    path, _, size, mtime_ns, photo_id, kind, reason, _ = row
    return KnownFile(FileStamp(os.fsdecode(path), size, mtime_ns), photo_id, kind, reason)


def _require_sound_file(row: Sequence[Any]) -> None:
    if fault := file_fault(row):
        path = row[0]
        name = shown(os.fsdecode(path)) if type(path) is bytes else "a file"
        raise IndexDamaged(
            f"what the index knows of {name} {fault}",
            "segsearch doctor --fix forgets it, then index its folder again",
        )


def judged_photo(row: Sequence[Any], stamps: Sequence[FileStamp]) -> PhotoRow:
    """A row of photos with stamps of its files; IndexDamaged where it is not what was written."""
    if fault := photo_fault(row):
        raise damaged_photo(row[0], fault)
    values = [*row[:_FRAME], *row[_PIXELS : _OF_PHOTO - 1]]
    if values[_TAKEN] is not None:
        values[_TAKEN] = datetime.fromisoformat(values[_TAKEN])
    return photo_record(values, stamps)


def _segments(rows: Sequence[Sequence[Any]]) -> list[SegmentRow]:
    owners = [Owner(*row[_OF_SEGMENT:_WITH_OWNER]) for row in rows]
    own = [row[:_OF_SEGMENT] for row in rows]
    for row, fault in zip(own, segment_faults(own, owners), strict=True):
        if fault:
            raise damaged_photo(row[1], fault)
    origins = [_origin(row[1], row[_WITH_OWNER:]) for row in rows]
    return [
        segment_record(row[:-1], owner, origin)
        for row, owner, origin in zip(own, owners, origins, strict=True)
    ]


def _origin(photo_id: object, row: Sequence[Any]) -> Origin | None:
    if row[0] is None:
        return None
    if fault := origin_fault(row):
        raise damaged_photo(photo_id, fault)
    return Origin(row[1], row[2])
