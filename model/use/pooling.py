"""Area-weighted mask pooling: what a feature map holds under each mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model import masks
from model.encoders.efficientnet import FeatureMaps
from model.segments import Segments

CHUNK = 64


def pooled_features(features: FeatureMaps, segments: Segments) -> Tensor:
    """Mean of every map under every mask, each cell weighted by the mask's area in it.

    Masks are brought to the finest grid first, a chunk at a time, and from there to the coarser
    ones, whose cells are unions of the finer one's: no map is ever enlarged.

    Returns:
        N×C float32, the maps' channels side by side.
    """
    grids = [(m.shape[1], m.shape[2]) for m in features.maps]
    flat = [m.reshape(m.shape[0], -1).T for m in features.maps]
    rows = [torch.zeros((0, sum(m.shape[1] for m in flat)))]
    for start in range(0, len(segments), CHUNK):
        counts = segments.counts[start : start + CHUNK]
        shares = _shares(counts, segments.size, grids)
        rows.append(torch.cat([w @ m for w, m in zip(shares, flat, strict=True)], dim=1))
    return torch.cat(rows)


def _shares(
    counts: Sequence[bytes], size: tuple[int, int], grids: Sequence[tuple[int, int]]
) -> list[Tensor]:
    """For each grid, N×cells float32: the share of each mask's area that lies in each cell."""
    cover: NDArray[np.float32] = masks.decode(counts, size).astype(np.float32)
    shares: list[Tensor] = []
    for index, grid in enumerate(grids):
        if index == 0 or grid != grids[index - 1]:
            cover = masks.pool(cover, grid)
            table = torch.from_numpy(cover.reshape(len(counts), -1))
            shares.append(table / table.sum(dim=1, keepdim=True))
        else:
            shares.append(shares[-1])
    return shares
