"""Shares of each cell of a grid that each segment covers, from run lengths: no mask is drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from model.masks.segments import Segments
from model.masks.shares import Size, cell_shares


def coverage(segments: Segments, grid: Size) -> Tensor:
    """N×P float32 in [0, 1], P = h·w cells of the grid row by row; every row has a sum above 0.

    Raises:
        ValueError: run lengths are not those of a mask of the segments' size.
    """
    return torch.from_numpy(cell_shares(segments.counts, segments.size, grid)).flatten(1)


def members(cover: Tensor) -> Tensor:
    """N×P bool: the cells that a mask covers by half or more; where there are none, those that it
    covers most."""
    most = cover.amax(dim=1, keepdim=True)
    return cover >= torch.clamp(most, max=0.5)
