"""Shares of each cell of a grid that masks cover, from run lengths: no mask is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.masks.runs import mask_runs

Size = tuple[int, int]

_EXACT = 1 << 24  # whole numbers up to this one are float32's, too


def cell_shares(counts: Sequence[bytes], size: Size, grid: Size) -> NDArray[np.float32]:
    """N×h×w float32 shares of the cells that each of N masks covers, exact but for the last bit.

    What a run adds to the cells is told by its two ends: from each on, all that lies below in its
    column is inside, or no more. These are whole numbers in cells of height × width parts, and are
    added up down the rows of the grid once for all masks.

    Args:
        counts: N COCO compressed run lengths.
        size: (height, width) of their frame, pixels.
        grid: (h, w), rows and columns of cells that cover the frame evenly.

    Raises:
        ValueError: the bytes are not the run lengths of masks of this size.
    """
    (height, width), (rows, columns) = size, grid
    mask, column, top, bottom = _columns_of(*mask_runs(counts, size), height)
    fine = math.ceil(columns / width)  # a column of pixels lies in two columns of cells at most
    if fine > 1:
        column = (column[:, None] * fine + np.arange(fine)).ravel()
        mask, top, bottom = (np.repeat(each, fine) for each in (mask, top, bottom))
        width *= fine
    left = column * columns // width
    inner = np.minimum((left + 1) * width - column * columns, columns)
    table = (len(counts), rows + 2, columns + 1)
    places, parts = [], []
    for end, sign in ((top, 1), (bottom, -1)):
        row, into = np.divmod(end * rows, height)
        for down, deep in ((0, height - into), (1, into)):
            for across, beside in ((0, inner), (1, columns - inner)):
                places.append((mask * table[1] + row + down) * table[2] + left + across)
                parts.append(sign * deep * beside)
    sums = np.bincount(np.concatenate(places), np.concatenate(parts), math.prod(table))
    inside: NDArray[Any] = sums.reshape(table)
    if height * width <= _EXACT:
        inside = inside.astype(np.float32)
    for below in range(1, rows):  # all masks at once: a third of the time of numpy's cumsum
        inside[:, below] += inside[:, below - 1]
    return np.asarray(inside[:, :rows, :columns] / (height * width), np.float32)


def _columns_of(
    mask: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], ...]:
    """Runs cut where they pass from one column into the next: mask, column, first row, and the row
    after the last."""
    first, last = start // height, (end - 1) // height
    many = last - first + 1
    whole = np.repeat(np.arange(len(mask)), many)
    column = np.arange(len(whole)) - np.repeat(np.cumsum(many) - many, many) + first[whole]
    top = np.maximum(start[whole] - column * height, 0)
    bottom = np.minimum(end[whole] - column * height, height)
    return mask[whole], column, top, bottom
