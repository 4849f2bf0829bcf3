"""Columns of all photos and segments, read at once from the SQLite catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.row_records import MOST_SEGMENTS
from indexer.catalog.sqlite.failures import TO_MEND
from indexer.catalog.sqlite.row_faults import LARGEST_ID
from indexer.catalog.sqlite.tables import FileTable, PhotoTable, SegmentTable
from model.errors import IndexDamaged

_WHOLE, _FLOATS = 16, 32  # hex digits of a box, as `box_codec` packs it


def photo_columns(connection: Connection) -> PhotoColumns:
    """All photos, by ascending id; their rows were judged before.

    Raises:
        IndexDamaged: the numbers of a photo's segments make no sense.
    """
    path = func.min(FileTable.path.expression)
    rows = connection.execute(
        select(
            PhotoTable.id,
            PhotoTable.first_segment,
            PhotoTable.segment_count,
            PhotoTable.taken_at,
            PhotoTable.perceptual_hash,
            PhotoTable.camera,
            PhotoTable.format,
            path,
        )
        .join(FileTable, FileTable.photo_id == PhotoTable.id)
        .group_by(PhotoTable.id)
        .order_by(PhotoTable.id)
    ).all()
    found = PhotoColumns.of_rows(rows)
    first, count = found.first_segments, found.segment_counts
    if ((count < 0) | (count > MOST_SEGMENTS) | (first < 0) | (first > LARGEST_ID)).any():
        raise IndexDamaged("a photo of the index has other segments than it says", TO_MEND)
    return found


def segment_columns(connection: Connection, after_id: int) -> SegmentColumns:
    """All segments above an id, by ascending id.

    Raises:
        IndexDamaged: a box or an area is none.
    """
    # joined to three texts a photo: a million rows would take longer to fetch than to find
    rows = connection.execute(
        select(
            PhotoTable.id,
            PhotoTable.frame_height,
            PhotoTable.frame_width,
            func.group_concat(SegmentTable.id),
            func.group_concat(SegmentTable.area),
            func.group_concat(func.hex(SegmentTable.box)),
        )
        .join(PhotoTable, PhotoTable.id == SegmentTable.photo_id)
        .where(SegmentTable.id > after_id)
        .group_by(PhotoTable.id)
    ).all()
    if not rows:
        return SegmentColumns.empty()
    try:
        return _columns(rows)
    except (ValueError, TypeError, OverflowError):
        raise IndexDamaged("where a segment of the index is, is lost", TO_MEND) from None


def _columns(rows: Sequence[Any]) -> SegmentColumns:
    ids = np.fromstring(",".join(row[3] for row in rows), np.int64, sep=",")
    areas = np.fromstring(",".join(row[4] for row in rows), np.float64, sep=",")
    boxes = _boxes([box for row in rows for box in row[5].split(",")])
    counts = [row[3].count(",") + 1 for row in rows]
    photos = np.repeat(np.array([row[0] for row in rows], np.int64), counts)
    frames = np.repeat(np.array([(row[1], row[2]) for row in rows], np.float64), counts, axis=0)
    if not len(ids) == len(areas) == len(boxes) == len(photos) or (frames <= 0).any():
        raise ValueError("columns of several lengths")
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / frames[:, ::-1]
    order = np.argsort(ids, kind="stable")
    return SegmentColumns(
        ids[order],
        photos[order],
        (areas / frames.prod(axis=1))[order].astype(np.float32),
        centres[order].astype(np.float32),
    )


def _boxes(texts: list[str]) -> NDArray[np.float64]:
    """N×4 XYXY of boxes in hexadecimal digits."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if not np.isin(lengths, (_WHOLE, _FLOATS)).all():
        raise ValueError("not a box")
    boxes = np.zeros((len(texts), 4), np.float64)
    for length, layout in ((_WHOLE, "<u2"), (_FLOATS, "<f4")):
        here = np.flatnonzero(lengths == length)
        joined = "".join(texts if len(here) == len(texts) else (texts[i] for i in here.tolist()))
        boxes[here] = np.frombuffer(bytes.fromhex(joined), layout).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        raise ValueError("a box that is not finite")
    return boxes
