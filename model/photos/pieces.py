"""Pieces of a large photo that are worth looking at from near: those with most fine detail.

A photo of twelve megapixels has forty times the pixels of a look at 640. What is a spot there is
a thing from near. All pieces would take longer than the rest together, so a few are looked at.
(What a look from afar finds that is small tells no more about it than chance.)
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.photos.images import Image
from model.photos.panoramas import Size, Window, is_panorama

_WORTH = (
    1.25  # times as many pixels a side as the look from afar had, from which on pieces tell more
)
_OVERLAP = 0.25  # of a piece with the next one, at least
_BLOCK = 4  # pixels a side in which detail is fine
_BUSY = 90  # percentile of a photo's blocks above which detail is no more worth
_PROMISE = 3.0  # mean detail, of 255, below which a piece is not looked at


@dataclass(frozen=True)
class Nearer:
    """Settings by which pieces of a photo are looked at.

    Attributes:
        pieces: pieces at most; 0: none.
        side: sides of a piece, pixels of the photo as it was read; it is looked at with as many.
        promise: fine detail below which a piece is not looked at, see `fine_detail`.
    """

    pieces: int = 0
    side: int = 448
    promise: float = _PROMISE

    def looks(self, image: Image, afar: int) -> tuple[Piece, ...]:
        """Pieces of a photo that are worth a look, the one with most fine detail first.

        Whoever asks again for those of the same photo gets the same images, so that what was seen
        of them can be remembered. Of a panorama, which is looked at in pieces anyway, and of a
        photo that all of a look shows there are none.

        Args:
            image: the photo as it was read.
            afar: longer side with which all of it is looked at, pixels.
        """
        if not self.pieces or is_panorama(image.size) or max(image.size) < _WORTH * afar:
            return ()
        known = _LAST.get(image)
        if known is None or known[0] != self:
            known = _LAST[image] = (self, self._chosen(image))
        return known[1]

    def _chosen(self, image: Image) -> tuple[Piece, ...]:
        left, windows = fine_detail(image), tiles(image.size, self.side)
        blocks = [tuple(map(_in_blocks, window)) for window in windows]
        chosen: list[Piece] = []
        while len(chosen) < min(self.pieces, len(windows)):
            promise = [float(left[block].mean()) for block in blocks]
            best = int(np.argmax(promise))
            if promise[best] < self.promise:
                break
            chosen.append(Piece(windows[best], part_of(image, windows[best])))
            left[blocks[best]] = 0  # what one piece shows is not counted for the others
        return tuple(chosen)


@dataclass(frozen=True, eq=False)
class Piece:
    """Piece of a photo.

    Attributes:
        window: its rows and columns.
        image: its pixels, as a photo of its own.
    """

    window: Window
    image: Image


_LAST: weakref.WeakKeyDictionary[Image, tuple[Nearer, tuple[Piece, ...]]] = (
    weakref.WeakKeyDictionary()
)


def part_of(image: Image, window: Window) -> Image:
    """The rows and columns of a photo, as a photo of its own."""
    pixels = np.ascontiguousarray(image.pixels[window])
    return Image(pixels, (pixels.shape[0], pixels.shape[1]))


def fine_detail(image: Image) -> NDArray[np.float32]:
    """h×w float32, of blocks of 4×4 pixels how far these differ from their mean, of 255.

    Texture is finer than things: no block counts more than nine tenths of them do at most.
    """
    height, width = (max(1, length // _BLOCK) for length in image.size)
    down, across = (min(_BLOCK, length) for length in image.size)
    green = image.pixels[: height * down, : width * across, 1].astype(np.float32)
    blocks = green.reshape(height, down, width, across)
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


def _in_blocks(span: slice) -> slice:
    return slice(span.start // _BLOCK, max(span.start // _BLOCK + 1, span.stop // _BLOCK))
