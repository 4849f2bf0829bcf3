"""Maps from a decoder's small masks to a photo's pixels: all the resizing between, in one step.

SAM enlarges a mask to its input square, cuts the padding off and resizes what is left to the
photo: two linear maps along each axis, and so one matrix for rows and one for columns. With them
any window of the photo can be had by itself. A pixel is a weighted mean of the cells it reads, so
it can exceed a threshold only if one of them does: that bounds where a mask can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Axis:
    """Map by which the pixels of one axis of a photo read the cells of a mask's.

    Attributes:
        weights: pixels×cells, rows sum to one.
        first_cell, last_cell: first and last cell that each pixel reads, inclusive.
        first_pixel: first pixel that reads each cell, or one after it.
        last_pixel: last pixel that reads each cell, or one before it.
    """

    weights: NDArray[np.float32]
    first_cell: Ints
    last_cell: Ints
    first_pixel: Ints
    last_pixel: Ints

    @classmethod
    def through(cls, cells: int, *steps: int) -> Axis:
        """Map of resizing `cells` to the first step, cutting to the second, resizing to the third,
        and so on; the last one is the photo's number of pixels."""
        # what torch does to each unit vector is the matrix, to the last bit of its weights
        matrix = torch.eye(cells)[None, None]
        for number, length in enumerate(steps):
            if number % 2:
                matrix = matrix[:, :, :length]
            else:
                matrix = functional.interpolate(
                    matrix, (length, cells), mode="bilinear", align_corners=False
                )
        weights = matrix[0, 0].numpy()
        read = weights > 0
        first_cell = read.argmax(axis=1)
        last_cell = cells - 1 - read[:, ::-1].argmax(axis=1)
        every = np.arange(cells)
        return cls(
            weights,
            first_cell,
            last_cell,
            np.searchsorted(last_cell, every, side="left"),
            np.searchsorted(first_cell, every, side="right") - 1,
        )

    @property
    def pixels(self) -> int:
        """Pixels of the photo along this axis."""
        return len(self.first_cell)

    @property
    def cells_read(self) -> int:
        """Number of the mask's cells, from the first, that matter to the photo."""
        return int(self.last_cell[-1]) + 1

    def reached(self, cells: slice) -> slice:
        """The pixels that read any of the cells, and where pixels step over cells (a photo smaller
        than its mask) perhaps one that only reads cells on both sides of them."""
        if cells.stop <= cells.start:
            return slice(0, 0)
        return slice(int(self.first_pixel[cells.start]), int(self.last_pixel[cells.stop - 1]) + 1)

    def needed(self, pixels: slice) -> slice:
        """The cells that any of the pixels reads."""
        return slice(int(self.first_cell[pixels.start]), int(self.last_cell[pixels.stop - 1]) + 1)


@dataclass(frozen=True, eq=False)
class Frame:
    """Maps by which the pixels of a photo, or of a crop of one, read a mask's cells."""

    rows: Axis
    columns: Axis

    @classmethod
    def padded(
        cls, size: tuple[int, int], input_size: tuple[int, int], side: int, cells: int
    ) -> Frame:
        """SAM's: photos of `size` are resized to `input_size` and padded to a square of `side`,
        for which masks have `cells`×`cells` cells."""
        rows, columns = (
            Axis.through(cells, side, length, pixels)
            for length, pixels in zip(input_size, size, strict=True)
        )
        return cls(rows, columns)

    @classmethod
    def stretched(cls, size: tuple[int, int], cells: tuple[int, int]) -> Frame:
        """SAM 2's: a mask of `cells` covers the photo, whatever its shape."""
        return cls(Axis.through(cells[0], size[0]), Axis.through(cells[1], size[1]))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the photo or crop, pixels."""
        return self.rows.pixels, self.columns.pixels
