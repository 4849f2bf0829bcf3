"""Looking nearer: pieces of a large photo in which small things have the size that was learned.

A photo of twelve megapixels has forty times the pixels of a look at 640. What is a spot there is
a thing from near. All pieces would take longer than the rest together, so a few are looked at,
those with most fine detail. (What the look from afar found that is small tells no more about it
than chance.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.masks.windows import Window, window_in
from model.photos.images import Image
from model.segmenters.dense.selection import Selection

Size = tuple[int, int]

_WORTH = (
    1.25  # times as many pixels a side as the look from afar had, from which on pieces tell more
)
_OVERLAP = 0.25  # of a piece with the next one, at least
_BLOCK = 4  # pixels a side in which detail is fine
_BUSY = 90  # percentile of a photo's blocks above which detail is no more worth
_LARGEST = 0.02  # share of the photo up to which a segment from near counts
_SMALLEST = 0.0004  # the same, from which on


@dataclass(frozen=True)
class Nearer:
    """Settings by which pieces of a photo are looked at.

    Attributes:
        pieces: pieces at most; 0: none.
        side: sides of a piece, pixels of the photo as it was read; it is looked at with as many.
        added: segments beyond the usual number that are kept for each piece.
        promise: fine detail below which a piece is not looked at, of 255, see `fine_detail`.
    """

    pieces: int = 0
    side: int = 448
    added: int = 40
    promise: float = 3.0

    def can_tell_more(self, size: Size, afar: int) -> bool:
        """Whether pieces of a photo are looked at at all.

        Args:
            size: (height, width) of the photo as it was read.
            afar: longer side with which all of it is looked at, pixels.
        """
        return self.pieces > 0 and max(size) >= _WORTH * afar

    def windows(self, image: Image) -> list[Window]:
        """Rows and columns of the pieces of a photo that are worth a look, the one with most fine
        detail first; what a piece shows of it is not counted for the others."""
        lost, windows = fine_detail(image), tiles(image.size, self.side)
        blocks = [window_in(window, image.size, lost.shape) for window in windows]
        chosen: list[Window] = []
        while len(chosen) < min(self.pieces, len(windows)):
            promise = [float(lost[block].mean()) for block in blocks]
            best = int(np.argmax(promise))
            if promise[best] < self.promise:
                break
            chosen.append(windows[best])
            lost[blocks[best]] = 0
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


def fine_detail(image: Image) -> NDArray[np.float32]:
    """h×w float32, of blocks of 4×4 pixels how far these differ from their mean, of 255.

    Texture is finer than things: no block counts more than nine tenths of them do at most.
    """
    height, width = (max(1, length // _BLOCK) for length in image.size)
    down, across = (min(_BLOCK, length) for length in image.size)
    grey = image.pixels[: height * down, : width * across, 1].astype(np.float32)
    blocks = grey.reshape(height, down, width, across)
    detail = np.abs(blocks - blocks.mean(axis=(1, 3), keepdims=True)).mean(axis=(1, 3))
    return np.asarray(np.minimum(detail, np.percentile(detail, _BUSY)), np.float32)


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
