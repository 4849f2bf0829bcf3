"""Area-weighted mask pooling: what a feature map holds under each mask."""

from __future__ import annotations

import torch
from torch import Tensor

from model.encoders.efficientnet import FeatureMaps
from model.masks.coverage import coverage
from model.masks.segments import Segments


def pooled_features(features: FeatureMaps, segments: Segments) -> Tensor:
    """Mean of every map under every mask, each cell weighted by the mask's area in it.

    What a mask covers of the finest grid's cells is read from its run lengths, and summed for
    the coarser ones, whose cells are unions of the finer one's: no map is ever enlarged.

    Returns:
        N×C float32, the maps' channels side by side.
    """
    rows, columns = features.maps[0].shape[1:]
    cover = coverage(segments, (rows, columns))
    cover = cover / cover.sum(dim=1, keepdim=True)
    parts = []
    for level in features.maps:
        channels, height, width = level.shape
        fine = cover.reshape(-1, height, rows // height, width, columns // width)
        parts.append(fine.sum(dim=(2, 4)).flatten(1) @ level.reshape(channels, -1).T)
    return torch.cat(parts, dim=1)
