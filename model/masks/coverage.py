"""Shares of each cell of a grid that each mask covers, from run lengths: no mask is drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.masks.runs import runs_of
from model.masks.segments import Segments

Size = tuple[int, int]


def coverage(segments: Segments, grid: Size) -> Tensor:
    """N×P float32 in [0, 1], P = h·w cells of the grid row by row; every row has a sum above 0.

    Raises:
        ValueError: run lengths are not those of a mask of the segments' size.
    """
    table = np.zeros((len(segments), *grid), np.float32)
    for row, counts, box in zip(table, segments.counts, segments.boxes, strict=True):
        row[:] = _shares(counts, segments.size, grid, int(box[0]), int(box[2]))
    return torch.from_numpy(table).flatten(1)


def members(cover: Tensor) -> Tensor:
    """N×P bool: the cells that a mask covers by half or more; where there are none, those that it
    covers most."""
    most = cover.amax(dim=1, keepdim=True)
    return cover >= torch.clamp(most, max=0.5)


def _shares(counts: bytes, size: Size, grid: Size, first: int, last: int) -> NDArray[np.float32]:
    """h×w shares of the cells that a mask covers; it lies in the columns `first` to `last`.

    Run lengths go down the columns, so the mask's pixels among the first t are a broken line over
    t: what lies between two heights of a column is the difference of two points on it.
    """
    height, width = size
    runs = runs_of(counts)
    passed = np.concatenate([[0], np.cumsum(runs)])
    if passed[-1] != height * width:
        raise ValueError(f"run lengths do not fit a mask of {size}")
    runs[::2] = 0  # background
    covered = np.concatenate([[0], np.cumsum(runs)])
    edges = np.linspace(0, height, grid[0] + 1)
    points = np.arange(first, last)[:, None] * height + edges
    columns = np.diff(np.interp(points, passed, covered), axis=1)
    summed = np.zeros((last - first + 1, grid[0]))
    np.cumsum(columns, axis=0, out=summed[1:])
    places = np.clip(np.linspace(0, width, grid[1] + 1) - first, 0, last - first)
    whole = np.minimum(places.astype(np.int64), last - first - 1)
    upto = summed[whole] + (places - whole)[:, None] * columns[whole]
    cell = height * width / (grid[0] * grid[1])
    return np.asarray(np.diff(upto, axis=0).T / cell, np.float32)
