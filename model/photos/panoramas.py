"""Panoramas: photos so long that, made as small as others, nothing in them has pixels left.

Beyond 3:1 a photo is read finer, and looked at in pieces of 3:2, each of which overlaps the next
by a half: whatever is at most half as long as a piece lies whole in one of them.
"""

from __future__ import annotations

import math

import numpy as np

Size = tuple[int, int]
Window = tuple[slice, slice]

LONG = 3.0  # longer side over shorter one, beyond which a photo is a panorama
PIECE = 1.5  # the same of a piece
LONGEST = 12.0  # beyond, a piece has fewer pixels instead of there being more pieces
_STEP = 0.5  # from one piece to the next, at the most, as a share of a piece


def is_panorama(size: Size) -> bool:
    """Whether a photo of (height, width) is looked at in pieces."""
    return max(size) > LONG * min(size)


def reading_side(size: Size, side: int) -> int:
    """Longer side at which a photo is read, pixels.

    Args:
        size: (height, width) of the photo.
        side: longer side of other photos; a panorama's pieces are as long.
    """
    if not is_panorama(size):
        return side
    return round(side * min(max(size) / min(size), LONGEST) / PIECE)


def pieces(size: Size) -> list[Window]:
    """Rows and columns of each piece of a panorama of (height, width), from one end to the other;
    of another photo one window, all of it."""
    if not is_panorama(size):
        return [(slice(0, size[0]), slice(0, size[1]))]
    longest = max(size)
    length = min(longest, max(1, round(max(PIECE * min(size), longest * PIECE / LONGEST))))
    count = math.ceil((longest - length) / max(1, _STEP * length)) + 1
    across = slice(0, min(size))
    found: list[Window] = []
    for start in np.rint(np.linspace(0, longest - length, count)).astype(int).tolist():
        along = slice(start, start + length)
        found.append((across, along) if size[1] >= size[0] else (along, across))
    return found
