"""Records of rows: what the values of a photo's and a segment's row mean, once they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from indexer.catalog import box_codec
from indexer.catalog.present_file import present_file
from indexer.catalog.records import FileStamp, Origin, PhotoRow, SegmentRow

MOST_SEGMENTS = 1 << 20
"""Segments of a photo at the most."""


class Owner(NamedTuple):
    """Facts of a photo's row about its segments; as the database gives it."""

    first_segment: Any
    segment_count: Any
    frame_height: Any
    frame_width: Any
    perceptual_hash: Any


OWNER_COLUMNS = ", ".join(f"p.{column}" for column in Owner._fields)
"""Columns of an `Owner` in a SELECT from `photos AS p`."""


def photo_record(values: Sequence[Any], stamps: Sequence[FileStamp]) -> PhotoRow:
    """A photo.

    Args:
        values: id, content_hash, format, height, width, orientation, taken_at, camera, latitude,
            longitude, perceptual_hash, pixel_digest, taken_offset and taken_source of `photos`.
        stamps: stamps of its files, by path.
    """
    (photo_id, content_hash, format_, height, width, orientation, taken_at, camera, latitude,
     longitude, perceptual_hash, pixel_digest, taken_offset, taken_source) = values  # fmt: skip
    files = tuple(stamp.path for stamp in stamps)
    return PhotoRow(
        id=photo_id,
        path=present_file(files),
        content_hash=content_hash,
        format=format_,
        size=(height, width),
        orientation=orientation,
        taken_at=taken_at,
        camera=camera,
        latitude=latitude,
        longitude=longitude,
        perceptual_hash=perceptual_hash,
        files=files,
        taken_offset=taken_offset,
        taken_source=taken_source,
        pixel_digest=pixel_digest,
        stamps=tuple(stamps),
    )


def segment_record(
    values: Sequence[Any], owner: Sequence[Any], origin: Origin | None
) -> SegmentRow:
    """A segment.

    Args:
        values: id, photo_id, parent, area, quality, box and counts of `segments`.
        owner: values of an `Owner`.
        origin: origin of one that was proposed for words.
    """
    segment_id, photo_id, parent, area, quality, box, counts = values
    first, _, height, width, photo_hash = owner
    return SegmentRow(
        id=segment_id,
        photo_id=photo_id,
        ordinal=segment_id - first,
        frame=(height, width),
        counts=counts,
        box=box_codec.unpack(box),
        area=area,
        quality=quality,
        parent_id=None if parent is None else parent + first,
        photo_hash=photo_hash,
        origin=origin,
    )
