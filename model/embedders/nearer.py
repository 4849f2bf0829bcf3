"""Which small segments of a large photo are embedded as a piece of it shows them from near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.masks.segments import Segments
from model.masks.windows import cut_out, window_in
from model.photos.pieces import Piece

SMALL = 0.02
"""Share of the photo up to which a segment is small."""


def seen_near(
    segments: Segments, pieces: Sequence[Piece], size: tuple[int, int]
) -> list[tuple[Piece, Segments, NDArray[np.int64]]]:
    """Small segments that lie in a piece, each in that one whose middle it is nearest to.

    Args:
        segments: segments of the photo, in any frame of its shape.
        pieces: pieces that are looked at.
        size: (height, width) of the photo that their windows are of, pixels.

    Returns:
        Of each piece that shows any: it, the segments in its frame, and their numbers.
    """
    if not pieces or not len(segments):
        return []
    windows = [window_in(piece.window, size, segments.size) for piece in pieces]
    left, top, right, bottom = segments.boxes.T
    small = segments.areas <= SMALL * segments.size[0] * segments.size[1]
    away = np.full((len(pieces), len(segments)), np.inf)
    for row, (rows, columns) in zip(away, windows, strict=True):
        inside = small & (left >= columns.start) & (right <= columns.stop)
        inside &= (top >= rows.start) & (bottom <= rows.stop)
        far = abs(left + right - columns.start - columns.stop)
        far = far + abs(top + bottom - rows.start - rows.stop)
        row[inside] = far[inside]
    nearest = np.where(np.isfinite(away.min(axis=0)), away.argmin(axis=0), -1)
    found = []
    for number, (piece, window) in enumerate(zip(pieces, windows, strict=True)):
        which = np.flatnonzero(nearest == number)
        if len(which):
            found.append((piece, cut_out(segments[which], window), which))
    return found
