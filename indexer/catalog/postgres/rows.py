"""Rows read back: photos, segments and files as records."""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from indexer.catalog import box_codec
from indexer.catalog.damaged_photo import (
    NO_FILE,
    OTHER_SEGMENTS,
    WRONG_BOX,
    WRONG_MASKS,
    WRONG_WHOLE,
    damaged_photo,
)
from indexer.catalog.postgres.conditions import ids_given
from indexer.catalog.postgres.database import Connection, Row, fetched
from indexer.catalog.records import FileStamp, KnownFile, Origin, PhotoRow, SegmentRow
from indexer.catalog.row_records import OWNER_COLUMNS, photo_record, segment_record
from model.masks.runs import covered

_PHOTO = (
    "p.id, p.content_hash, p.format, p.height, p.width, p.orientation, p.taken_at, p.camera,"
    " p.latitude, p.longitude, p.perceptual_hash, p.pixel_digest, p.taken_offset, p.taken_source"
)
_PHOTOS = f"""
SELECT {_PHOTO}, f.path, f.size, f.mtime_ns
FROM photos AS p LEFT JOIN files AS f ON f.photo_id = p.id
WHERE p.id = ANY(%s::bigint[]) ORDER BY f.path
"""
_SEGMENTS = f"""
SELECT s.id, s.photo_id, s.parent, s.area, s.quality, s.box, s.counts, {OWNER_COLUMNS},
    o.prompt, o.proposer
FROM segments AS s JOIN photos AS p ON p.id = s.photo_id
LEFT JOIN origins AS o ON o.segment_id = s.id
"""
FILES = "SELECT path, size, mtime_ns, photo_id, kind, reason FROM files"


def photo_rows(connection: Connection, ids: Iterable[int]) -> dict[int, PhotoRow]:
    """The photos of these ids that there are, in their order."""
    asked = ids_given(ids)
    photos = dict[int, Row]()
    stamps = defaultdict[int, list[FileStamp]](list)
    for row in fetched(connection, _PHOTOS, asked):
        photos[row[0]] = row[:-3]
        if row[-3] is None:
            raise damaged_photo(row[0], NO_FILE)
        stamps[row[0]].append(FileStamp(os.fsdecode(row[-3]), row[-2], row[-1]))
    return {i: photo_record(photos[i], stamps[i]) for i in asked if i in photos}


def ids_by_hash(connection: Connection, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
    """Ids of the photos that have these contents."""
    return dict(
        fetched(
            connection,
            "SELECT content_hash, id FROM photos WHERE content_hash = ANY(%s::bytea[])",
            list(content_hashes),
        )
    )


def segment_rows(connection: Connection, ids: Iterable[int]) -> dict[int, SegmentRow]:
    """The segments of these ids that there are, in their order."""
    asked = ids_given(ids)
    found = fetched(connection, f"{_SEGMENTS} WHERE s.id = ANY(%s::bigint[])", asked)
    there = {row.id: row for row in _segments(found)}
    return {i: there[i] for i in asked if i in there}


def segment_rows_of(connection: Connection, photo_id: int) -> list[SegmentRow]:
    """A photo's segments, by ordinal."""
    found = fetched(
        connection,
        f"{_SEGMENTS} WHERE s.photo_id = ANY(%s::bigint[]) ORDER BY s.id",
        ids_given([photo_id]),
    )
    if found and len(found) != found[0][8]:
        raise damaged_photo(photo_id, OTHER_SEGMENTS)
    return _segments(found)


def known_file(row: Sequence[Any]) -> KnownFile:
    """A row of `files` as a record."""
    path, size, mtime_ns, photo_id, kind, reason = row
    return KnownFile(FileStamp(os.fsdecode(path), size, mtime_ns), photo_id, kind, reason)


def segment_fault(row: Sequence[Any], measured: int) -> str:
    """Fault of a row of segments with what its photo tells; "" where there is none.

    Args:
        row: row of a segment.
        measured: pixels that its run lengths cover, -1 where they fit no mask of the frame.
    """
    segment_id, _, parent, area, _, box, _, first, count, height, width, *_ = row
    if measured != area:
        return WRONG_MASKS
    ordinal = segment_id - first
    if not 0 <= ordinal < count:
        return OTHER_SEGMENTS
    if parent is not None and (not 0 <= parent < count or parent == ordinal):
        return WRONG_WHOLE
    try:
        return "" if box_codec.fits(box, (height, width)) else WRONG_BOX
    except struct.error:
        return "has a box that is none"


def segment_faults(rows: Sequence[Row]) -> list[str]:
    """Fault of each of some rows of segments: their masks are measured in one pass."""
    pixels = np.array([row[9] * row[10] for row in rows], np.int64)
    areas = covered([row[6] for row in rows], pixels).tolist() if rows else []
    return [segment_fault(row, area) for row, area in zip(rows, areas, strict=True)]


def raw_segments(connection: Connection, first: int, last: int) -> list[Row]:
    """Rows of the segments of photos from one id to another, as `segment_faults` judges them."""
    return fetched(connection, f"{_SEGMENTS} WHERE p.id BETWEEN %s AND %s", first, last)


def _segments(rows: Sequence[Row]) -> list[SegmentRow]:
    for row, fault in zip(rows, segment_faults(rows), strict=True):
        if fault:
            raise damaged_photo(row[1], fault)
    return [
        segment_record(row[:7], row[7:12], None if row[12] is None else Origin(*row[12:]))
        for row in rows
    ]
