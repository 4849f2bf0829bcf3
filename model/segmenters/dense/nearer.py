"""The choice among what a piece of a photo shows: its small things only."""

from __future__ import annotations

from dataclasses import replace

from model.masks.windows import Window, lengths
from model.segmenters.dense.selection import Selection

ADDED = 40
"""Segments beyond the usual number that are kept for each piece."""

_LARGEST = 0.02  # share of the photo up to which a segment from near counts
_SMALLEST = 0.0004  # the same, from which on


def near_selection(
    of_photo: Selection, window: Window, size: tuple[int, int], looks: int
) -> Selection:
    """Settings of the choice among a piece's proposals.

    Args:
        of_photo: those of the choice for all of the photo.
        window: rows and columns of the piece.
        size: (height, width) of the photo.
        looks: number of looks at all of the photo, each of which has votes.
    """
    height, width = lengths(window)
    share = height * width / (size[0] * size[1])
    return replace(
        of_photo,
        most=2 * ADDED,
        added=0,
        smallest=_SMALLEST / share,
        largest=min(1.0, _LARGEST / share),
        votes=float(looks),
    )
