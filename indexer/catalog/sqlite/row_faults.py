"""Faults of rows, judged once where they become records, and by the check of a catalog.

Rows come as `seals.selected` asks for them. Whatever passes here may be given to libraries that
believe what they are given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from indexer.catalog import box_codec, vector_codec
from indexer.catalog.damaged_photo import OTHER_SEGMENTS, WRONG_MASKS, WRONG_VECTOR, WRONG_WHOLE
from indexer.catalog.row_records import MOST_SEGMENTS, Owner
from indexer.catalog.sqlite.seals import is_sealed, seal_of_vector
from model.masks.runs import covered

LONGEST_SIDE = 1 << 20
"""Pixels of a photo's side at the most."""
MOST_PIXELS = 1 << 32
"""Pixels of a photo at the most, exclusive: masks' libraries count them in 32 bits."""
LARGEST_ID = 1 << 53
"""No id is beyond it."""

NOT_AS_WRITTEN = "is not what was written"


def photo_fault(row: Sequence[Any]) -> str:
    """Fault of a row of `photos`; empty where there is none."""
    if not is_sealed("photos", row):
        return NOT_AS_WRITTEN
    (photo_id, content_hash, form, height, width, orientation, taken_at, camera, latitude,
     longitude, perceptual_hash, frame_height, frame_width, first, count, seconds, pixel_digest,
     taken_offset, taken_source, _) = row  # fmt: skip
    sound = (
        _whole(photo_id, 1, LARGEST_ID)
        and type(content_hash) is bytes
        and len(content_hash) == 32
        and type(form) is str
        and is_frame(height, width)
        and _whole(orientation, 1, 8)
        and (taken_at is None or _is_moment(taken_at))
        and (camera is None or type(camera) is str)
        and (latitude is None or _is_finite(latitude))
        and (longitude is None or _is_finite(longitude))
        and _whole(perceptual_hash, -(1 << 63), (1 << 63) - 1)
        and is_frame(frame_height, frame_width)
        and _whole(first, 1, LARGEST_ID)
        and _whole(count, 0, MOST_SEGMENTS)
        and _is_finite(seconds)
        and (pixel_digest is None or type(pixel_digest) is bytes)
        and (taken_offset is None or _whole(taken_offset, -1440, 1440))
        and (taken_source is None or type(taken_source) is str)
    )
    return "" if sound else "has values that no photo has"


def segment_faults(rows: Sequence[Sequence[Any]], owners: Sequence[Owner]) -> list[str]:
    """Fault of each of some rows of `segments`; empty where there is none."""
    faults = [_segment_fault(row, owner) for row, owner in zip(rows, owners, strict=True)]
    whole = [i for i, fault in enumerate(faults) if not fault]
    pixels = [owners[i].frame_height * owners[i].frame_width for i in whole]
    areas = covered([rows[i][6] for i in whole], np.array(pixels, np.int64))
    for i, area in zip(whole, areas.tolist(), strict=True):
        if area != rows[i][3]:
            faults[i] = WRONG_MASKS
        elif not is_sealed("segments", rows[i]):
            faults[i] = NOT_AS_WRITTEN
    return faults


def file_fault(row: Sequence[Any]) -> str:
    """Fault of a row of `files`; empty where there is none."""
    return "" if is_sealed("files", row) else NOT_AS_WRITTEN


def origin_fault(row: Sequence[Any]) -> str:
    """Fault of a row of `origins`; empty where there is none."""
    _, prompt, proposer, _ = row
    sound = is_sealed("origins", row) and type(prompt) is str and type(proposer) is str
    return "" if sound else "has a segment whose origin is not what was written"


def root_fault(row: Sequence[Any]) -> str:
    """Fault of a row of `roots`, which has no seal; empty where there is none."""
    return "" if type(row[0]) is bytes and row[0] else NOT_AS_WRITTEN


def vector_faults(rows: Sequence[Sequence[Any]], dimension: int) -> list[str]:
    """Fault of each of some rows of `vectors` or `photo_vectors` (owner, vector, seal);
    empty where nothing is."""
    long = [type(row[1]) is not bytes or len(row[1]) != dimension for row in rows]
    packed = iter(
        vector_codec.are_packed(
            (row[1] for row, other in zip(rows, long, strict=True) if not other), dimension
        ).tolist()
    )
    faults = []
    for row, other in zip(rows, long, strict=True):
        if other:
            faults.append("has a vector of another length")
        elif not next(packed) or row[2] != seal_of_vector(row[0], row[1]):
            faults.append(WRONG_VECTOR)
        else:
            faults.append("")
    return faults


def is_frame(height: object, width: object) -> bool:
    """Whether these are the sides of a photo that can be."""
    return (
        _whole(height, 1, LONGEST_SIDE)
        and _whole(width, 1, LONGEST_SIDE)
        and int(height) * int(width) < MOST_PIXELS  # type: ignore[call-overload]
    )


def _segment_fault(row: Sequence[Any], owner: Owner) -> str:
    segment_id, photo_id, parent, area, quality, box, counts, _ = row
    first, count, height, width, _ = owner
    if not is_frame(height, width) or type(counts) is not bytes or not _whole(area, 0, MOST_PIXELS):
        return WRONG_MASKS
    if not (_whole(first, 1, LARGEST_ID) and _whole(count, 0, MOST_SEGMENTS)):
        return NOT_AS_WRITTEN
    ordinal = segment_id - first
    if not 0 <= ordinal < count:
        return OTHER_SEGMENTS
    if parent is not None and (not _whole(parent, 0, count - 1) or parent == ordinal):
        return WRONG_WHOLE
    sound = (
        _is_finite(quality)
        and _whole(photo_id, 1, LARGEST_ID)
        and box_codec.fits(box, (height, width))
    )
    return "" if sound else NOT_AS_WRITTEN


def _whole(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_finite(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_moment(text: object) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False
