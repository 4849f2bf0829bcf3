"""Targets that masks learn, from covers: which cells lie inside of a region, and its box."""

from __future__ import annotations

import torch
from torch import Tensor


def inside(cover: Tensor) -> Tensor:
    """N×h×w bool: cells of which more than half is covered, or, of regions too thin for that, the
    best covered ones; of N×h×w shares. Where nothing is covered all cells are alike, so all are."""
    best = cover.flatten(1).amax(dim=1)[:, None, None]
    return torch.where(best > 0.5, cover > 0.5, cover == best)


def boxes_around(cover: Tensor) -> Tensor:
    """N×4 int64 boxes (x0, y0, x1, y1 in cells, ends exclusive) around what is inside of N×h×w
    covers."""
    within = inside(cover)
    rows, columns = within.any(dim=2).float(), within.any(dim=1).float()
    height, width = cover.shape[1:]
    return torch.stack(
        [
            columns.argmax(dim=1),
            rows.argmax(dim=1),
            width - columns.flip(1).argmax(dim=1),
            height - rows.flip(1).argmax(dim=1),
        ],
        dim=1,
    )
