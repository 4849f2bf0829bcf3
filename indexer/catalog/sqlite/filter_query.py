"""Segments that a filter leaves, as an array of ids."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    Text,
    and_,
    cast,
    column,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from indexer.catalog.filter import Filter
from indexer.catalog.id_ranges import ids_of_ranges
from indexer.catalog.path_beginnings import path_ranges
from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.row_records import MOST_SEGMENTS
from indexer.catalog.sqlite.failures import TO_MEND
from indexer.catalog.sqlite.row_faults import LARGEST_ID
from indexer.catalog.sqlite.tables import FileTable, PhotoTable, SegmentTable
from model.errors import IndexDamaged

Ids = NDArray[np.int64]

EARTH = 6371.0088  # kilometres, mean radius
_LOST = "a photo of the index has other segments than it says"


def selected_segments(connection: Connection, conditions: Filter | None) -> Ids:
    """Ids of the segments that meet all conditions, int64, ascending.

    Conditions on photos are answered from the photos alone: a photo's segments have contiguous
    ids, so a million of them are some thousand ranges.
    """
    conditions = conditions or Filter()
    photos = _photo_conditions(connection, conditions)
    if conditions.min_area > 0 or conditions.max_area < 1:
        return _sized_segments(connection, photos, conditions.min_area, conditions.max_area)
    ranges = connection.execute(
        select(PhotoTable.first_segment, PhotoTable.segment_count).where(*photos)
    ).all()
    try:
        pairs = np.array([tuple(r) for r in ranges], np.int64).reshape(-1, 2)
    except (ValueError, TypeError, OverflowError):
        raise IndexDamaged(_LOST, TO_MEND) from None
    # photos whose segments were rewritten have later ones than those that came after them
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    first, count = pairs[:, 0], pairs[:, 1]
    small = (count >= 0) & (count <= MOST_SEGMENTS) & (first > 0) & (first <= LARGEST_ID)
    if not small.all() or (first[1:] < (first + count)[:-1]).any():
        raise IndexDamaged(_LOST, TO_MEND)
    return ids_of_ranges(first, count)


def listed(ids: Iterable[int]) -> str:
    """Ids as one bound value, for json_each: no limit on their number, one statement for all."""
    return json.dumps([int(i) for i in ids])


def _sized_segments(
    connection: Connection, photos: list[ColumnElement[bool]], min_area: float, max_area: float
) -> Ids:
    frame = PhotoTable.frame_height * PhotoTable.frame_width
    rows = connection.execute(
        # joined to one text a photo: a million rows would take longer to fetch than to find
        select(func.group_concat(SegmentTable.id))
        .join(PhotoTable, PhotoTable.id == SegmentTable.photo_id)
        .where(
            *photos,
            # what the index can seek, then the exact share, as Python would divide
            SegmentTable.area >= cast(min_area * frame, Integer) - 1,
            SegmentTable.area <= cast(max_area * frame, Integer) + 1,
            cast(SegmentTable.area, Float) / frame >= min_area,
            cast(SegmentTable.area, Float) / frame <= max_area,
        )
        .group_by(PhotoTable.id)
    ).scalars()
    return np.sort(np.fromstring(",".join(rows), np.int64, sep=","))


def _photo_conditions(connection: Connection, conditions: Filter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if conditions.photo_ids is not None:
        wanted.append(PhotoTable.id.in_(_each(conditions.photo_ids)))
    if conditions.path_glob is not None:
        wanted.append(_path_matches(connection, PathPattern(conditions.path_glob)))
    if conditions.after is not None:
        wanted.append(PhotoTable.taken_at >= conditions.after)
    if conditions.before is not None:
        wanted.append(PhotoTable.taken_at < conditions.before)
    if conditions.camera is not None:
        wanted.append(_camera_matches(connection, conditions.camera))
    if conditions.near is not None:
        wanted.append(_near(connection, *conditions.near))
    if conditions.format is not None:
        wanted.append(PhotoTable.format == conditions.format.upper())
    return wanted or [true()]


def _path_matches(connection: Connection, pattern: PathPattern) -> ColumnElement[bool]:
    """Photos that have a file whose path is meant.

    SQLite compares the paths in ASCII, which are the same in any normalisation form, Python the
    others: it alone can bring them to one form.
    """

    def fits(text: ColumnElement[Any], glob: str) -> ColumnElement[bool]:
        # bound as bytes: a name that is not valid UTF-8 cannot be bound as text
        return cast(text, Text).op("GLOB", is_comparison=True)(cast(os.fsencode(glob), Text))

    path, name_start = FileTable.path.expression, FileTable.name_start
    of_photo: ColumnElement[bool] = FileTable.photo_id.is_not(None)
    if (ranges := path_ranges(pattern)) is not None:  # the table, sorted by path, is read there
        spans = ((path >= literal(low), path < literal(high)) for low, high in ranges)
        of_photo = of_photo & or_(false(), *(and_(*span) for span in spans))
    name = func.substr(path, name_start + 1)
    fitting = [fits(path, glob) for glob in pattern.globs]
    fitting += [fits(name, glob) for glob in pattern.name_globs]
    in_ascii = func.length(cast(path, Text)) == func.length(path)
    others = connection.execute(
        select(FileTable.path, FileTable.photo_id).where(of_photo, ~in_ascii)
    )
    met = [photo_id for path, photo_id in others if photo_id and pattern.matches(path)]
    fitting_ids = select(FileTable.photo_id).where(of_photo, in_ascii, or_(false(), *fitting))
    return PhotoTable.id.in_(fitting_ids) | PhotoTable.id.in_(_each(met))


def _camera_matches(connection: Connection, part: str) -> ColumnElement[bool]:
    # compared here: SQLite folds the case of ASCII letters only, and there are few cameras
    cameras = connection.execute(select(PhotoTable.camera).distinct()).scalars()
    names = [name for name in cameras if name and part.casefold() in name.casefold()]
    return PhotoTable.camera.in_(names) if names else false()


def _near(
    connection: Connection, latitude: float, longitude: float, kilometres: float
) -> ColumnElement[bool]:
    """Photos taken within a distance of a place, on a sphere (the haversine formula)."""
    told = connection.execute(
        select(PhotoTable.id, PhotoTable.latitude, PhotoTable.longitude).where(
            PhotoTable.latitude.is_not(None), PhotoTable.longitude.is_not(None)
        )
    ).all()
    if not told:
        return false()
    ids = np.array([row[0] for row in told], np.int64)
    north, east = np.radians(np.array([row[1:] for row in told], np.float64)).T
    up, over = np.radians(latitude), np.radians(longitude)
    square = (
        np.sin((north - up) / 2) ** 2 + np.cos(up) * np.cos(north) * np.sin((east - over) / 2) ** 2
    )
    away = 2 * EARTH * np.arcsin(np.sqrt(square.clip(0, 1)))
    return PhotoTable.id.in_(_each(ids[away <= kilometres].tolist()))


def _each(ids: Iterable[int]) -> Select[int]:
    return select(func.json_each(listed(ids)).table_valued(column("value", Integer)).c.value)
