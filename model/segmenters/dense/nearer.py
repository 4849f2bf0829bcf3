"""Looking nearer: pieces of a large photo in which small things have the size that was learned.

A photo of twelve megapixels has forty times the pixels of a look at 640. What is a spot there is
a thing from near. All pieces would take longer than the rest together, so a few are looked at,
those in which the look from afar found most that is small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from model.masks.segments import Segments
from model.masks.windows import Window
from model.segmenters.dense.selection import Selection

Size = tuple[int, int]

_WORTH = (
    1.25  # times as many pixels a side as the look from afar had, from which on pieces tell more
)
_OVERLAP = 0.25  # of a piece with the next one, at least
_SMALL = 0.01  # share of the photo up to which a segment from afar promises more from near
_LARGEST = 0.02  # share of the photo up to which a segment from near counts
_SMALLEST = 0.0004  # the same, from which on


@dataclass(frozen=True)
class Nearer:
    """Settings by which pieces of a photo are looked at.

    Attributes:
        pieces: pieces at most; 0: none.
        side: sides of a piece, pixels of the photo as it was read; it is looked at with as many.
        added: segments beyond the usual number that are kept for each piece.
        promise: summed quality of small segments below which a piece is not looked at.
    """

    pieces: int = 0
    side: int = 448
    added: int = 40
    promise: float = 1.0

    def can_tell_more(self, size: Size, afar: int) -> bool:
        """Whether pieces of a photo are looked at at all.

        Args:
            size: (height, width) of the photo as it was read.
            afar: longer side with which all of it is looked at, pixels.
        """
        return self.pieces > 0 and max(size) >= _WORTH * afar

    def windows(self, size: Size, whole: Segments) -> list[Window]:
        """Rows and columns of the pieces that are worth a look, the most promising first.

        Args:
            size: (height, width) of the photo as it was read.
            whole: segments that were found.
        """
        windows = tiles(size, self.side)
        height, width = whole.size
        small = np.flatnonzero(whole.areas <= _SMALL * height * width)
        left, top, right, bottom = whole.boxes[small].T
        y, x = (top + bottom) / 2 * size[0] / height, (left + right) / 2 * size[1] / width
        inside = np.array(
            [
                (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)
                for rows, columns in windows
            ]
        )
        promised = np.array(whole.quality[small], np.float64)
        chosen: list[Window] = []
        while len(chosen) < min(self.pieces, len(windows)):
            promise = inside @ promised
            best = int(promise.argmax())
            if promise[best] < self.promise:
                break
            chosen.append(windows[best])
            promised[inside[best]] = 0  # what one piece shows need not be looked at again
        return chosen

    def selection(self, of_photo: Selection, window: Window, size: Size, looks: int) -> Selection:
        """Settings of the choice among a piece's proposals: its small things only.

        Args:
            of_photo: those of the choice for all of the photo.
            window: rows and columns of the piece.
            size: (height, width) of the photo.
            looks: number of looks at all of the photo, each of which has votes.
        """
        rows, columns = window
        share = (rows.stop - rows.start) * (columns.stop - columns.start) / (size[0] * size[1])
        return replace(
            of_photo,
            most=2 * self.added,
            added=0,
            smallest=_SMALLEST / share,
            largest=min(1.0, _LARGEST / share),
            votes=float(looks),
        )


def tiles(size: Size, side: int) -> list[Window]:
    """Windows of so many pixels a side, or of the photo's where that has fewer, which cover a photo
    of (height, width) and overlap by a quarter or more."""
    down, across = (_spans(length, side) for length in size)
    return [(rows, columns) for rows in down for columns in across]


def _spans(length: int, side: int) -> list[slice]:
    side = min(side, length)
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    starts = np.rint(np.linspace(0, length - side, count)).astype(int).tolist()
    return [slice(start, start + side) for start in starts]
