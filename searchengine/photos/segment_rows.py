"""Rows of the catalog as the segments that models look at, and which of them is a whole photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.records import SegmentRow
from model.masks.segments import Segments

WHOLE = 0.95  # share of the photo from which a segment is the photo rather than a thing in it


def is_whole(segment: SegmentRow) -> bool:
    """Whether a segment is its photo, rather than a thing in it."""
    return segment.area >= WHOLE * segment.frame[0] * segment.frame[1]


def as_segments(rows: Sequence[SegmentRow], frame: tuple[int, int]) -> Segments:
    """The segments of some rows of one photo, in their order, without parents.

    Args:
        rows: N rows.
        frame: (height, width) of the working frame that all of them are in, pixels.
    """
    quality = np.array([row.quality for row in rows], np.float32)
    return Segments.unrelated(frame, [row.counts for row in rows], quality)
