"""One mask at the photo's size: measured, and told as runs, without ever being there as a whole.

Only the window in which the mask can be is worked on, some columns at a time: a strip of pixels
is made from few columns of cells by one small matrix product, compared with the thresholds, and
forgotten. So a mask of a 12-megapixel photo costs some megabytes and milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.masks.runs import compressed, runs_of
from model.segmenters.sam.resize_maps import Frame

_STRIP = 1 << 18  # pixels made at a time: 1 MB, about what a core's own cache holds


@dataclass(frozen=True)
class Thresholds:
    """Thresholds that a mask's logits are cut at.

    Attributes:
        inside: a pixel is the mask's above this.
        offset: stability compares the masks cut so much higher and lower.
    """

    inside: float = 0.0
    offset: float = 1.0

    @property
    def lowest(self) -> float:
        """Nothing below it matters."""
        return self.inside - max(self.offset, 0.0)


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of a mask's logits that is kept: enough to draw it at the photo's size.

    Attributes:
        logits: the cells that the pixels below read, float32.
        corner: row and column of the first of them.
        pixels: rows and columns of pixels outside of which nothing exceeds the lowest threshold.
    """

    logits: NDArray[np.float32]
    corner: tuple[int, int]
    pixels: tuple[slice, slice]

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        return self.logits.nbytes


@dataclass(frozen=True, eq=False)
class Enlarged:
    """A mask at the photo's size.

    Attributes:
        box: XYXY of its first and last pixels, inclusive; zeros where it has none.
        area: pixels.
        stability: IoU of the masks at a higher and at a lower threshold; NaN if both are empty.
        runs: COCO compressed run lengths in its frame.
    """

    box: tuple[int, int, int, int]
    area: int
    stability: float
    runs: bytes

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        return len(self.runs)

    def counts(
        self, frame: tuple[int, int], photo: tuple[int, int], origin: tuple[int, int] = (0, 0)
    ) -> bytes:
        """COCO compressed run lengths in a photo that the mask's frame is a crop of.

        Args:
            frame: (height, width) of the mask's frame, pixels.
            photo: (height, width) of the photo.
            origin: (y, x) of the frame in it.
        """
        if frame == photo:
            return self.runs
        edges = np.cumsum(runs_of(self.runs))
        edges = edges[: len(edges) // 2 * 2]
        starts, ends = _split(edges[::2], edges[1::2], frame[0])
        # an end is past its last pixel, and may be the start of the next column
        columns = starts // frame[0]
        shift = (columns + origin[1]) * photo[0] + origin[0] - columns * frame[0]
        return compressed(starts + shift, ends + shift, photo)


def cut_out(logits: NDArray[np.float32], extent: tuple[slice, slice], frame: Frame) -> Piece:
    """The piece of a mask that matters.

    Args:
        logits: rows×columns of the mask's cells, all that the frame reads.
        extent: rows and columns outside of which nothing exceeds the lowest threshold.
        frame: map from the frame's pixels to the cells they read.
    """
    pixels = frame.rows.reached(extent[0]), frame.columns.reached(extent[1])
    if any(part.stop <= part.start for part in pixels):
        return Piece(np.zeros((0, 0), np.float32), (0, 0), (slice(0, 0), slice(0, 0)))
    rows, columns = frame.rows.needed(pixels[0]), frame.columns.needed(pixels[1])
    cells = np.ascontiguousarray(logits[rows, columns])
    return Piece(cells, (rows.start, columns.start), pixels)


def enlarged(piece: Piece, frame: Frame, thresholds: Thresholds) -> Enlarged:
    """A mask at the size of its frame."""
    rows, columns = piece.pixels
    if not piece.logits.size:
        return _summed([], 0, 0, frame)
    # weights·logits is small; then each strip of columns reads few of its columns
    upright = frame.rows.weights[rows, _cells(piece)] @ piece.logits
    width = max(_STRIP // (rows.stop - rows.start), 1)
    runs, higher, lower = [], 0, 0
    for x in range(columns.start, columns.stop, width):
        strip = slice(x, min(x + width, columns.stop))
        read = frame.columns.needed(strip)
        near = slice(read.start - piece.corner[1], read.stop - piece.corner[1])
        pixels = frame.columns.weights[strip, read] @ upright[:, near].T  # [column, row]
        higher += int(np.count_nonzero(pixels > thresholds.inside + thresholds.offset))
        lower += int(np.count_nonzero(pixels > thresholds.inside - thresholds.offset))
        runs.append(_runs(pixels > thresholds.inside, (rows.start, x), frame.size[0]))
    return _summed(runs, higher, lower, frame)


def _cells(piece: Piece) -> slice:
    return slice(piece.corner[0], piece.corner[0] + len(piece.logits))


def _runs(inside: NDArray[np.bool_], corner: tuple[int, int], height: int) -> NDArray[np.int64]:
    """Starts and ends by turns, in pixels counted down the columns of the frame.

    Args:
        inside: columns×rows of a strip.
        corner: (y, x) of its first pixel in the frame.
        height: height of the frame.
    """
    columns, rows = inside.shape
    fenced = np.zeros((columns, rows + 2), np.bool_)
    fenced[:, 1:-1] = inside
    places = np.flatnonzero(fenced[:, 1:] != fenced[:, :-1])
    column, row = np.divmod(places, rows + 1)
    return (column + corner[1]) * height + row + corner[0]


def _summed(runs: list[NDArray[np.int64]], higher: int, lower: int, frame: Frame) -> Enlarged:
    edges = np.concatenate([np.zeros(0, np.int64), *runs])
    starts, ends = edges[::2], edges[1::2]
    # as the reference divides: in float32
    stability = float(np.float32(higher) / np.float32(lower)) if lower else float("nan")
    told = compressed(starts, ends, frame.size)
    if not len(starts):
        return Enlarged((0, 0, 0, 0), 0, stability, told)
    height = frame.size[0]
    top, bottom = int((starts % height).min()), int(((ends - 1) % height).max())
    box = (int(starts[0] // height), top, int((ends[-1] - 1) // height), bottom)
    return Enlarged(box, int((ends - starts).sum()), stability, told)


def _split(
    starts: NDArray[np.int64], ends: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Runs cut where a column ends."""
    first = starts // height
    pieces = (ends - 1) // height - first + 1
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = (np.repeat(first, pieces) + within) * height
    split = np.maximum(np.repeat(starts, pieces), top)
    return split, np.minimum(np.repeat(ends, pieces), top + height)
