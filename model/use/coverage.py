"""How much of each cell of a grid each mask covers."""

from __future__ import annotations

import torch
from torch import Tensor

from model import masks
from model.segments import Segments

CHUNK = 16  # masks that are drawn at once


def coverage(segments: Segments, grid: tuple[int, int]) -> Tensor:
    """N×P float32 in [0, 1], P = h·w cells of the grid row by row; every row has a sum above 0."""
    rows = [torch.zeros((0, grid[0] * grid[1]))]
    for start in range(0, len(segments), CHUNK):
        drawn = masks.decode(segments.counts[start : start + CHUNK], segments.size)
        cover = masks.pool(drawn.astype("float32"), grid)
        rows.append(torch.from_numpy(cover).flatten(1))
    return torch.cat(rows)


def members(cover: Tensor) -> Tensor:
    """N×P bool: the cells that a mask covers by half or more; where there are none, those that it
    covers most."""
    most = cover.amax(dim=1, keepdim=True)
    return cover >= torch.clamp(most, max=0.5)
