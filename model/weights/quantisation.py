"""Matrices as eight-bit integers with one scale a row: a quarter of the size, nearly exact."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ".scale"
LEVELS = 127


def quantised(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each matrix as int8 beside its rows' scales (float32, `NAME.scale`), the rest as float16."""
    small: dict[str, Tensor] = {}
    for name, values in weights.items():
        if values.ndim < 2:
            small[name] = values.half().contiguous()
            continue
        scale = values.abs().amax(dim=1).clamp(min=1e-12) / LEVELS
        small[name] = (values / scale[:, None]).round().to(torch.int8).contiguous()
        small[name + SCALE] = scale.float()
    return small


def restored(small: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32.

    Raises:
        KeyError: a matrix has no scales.
    """
    return {
        name: values.float() * small[name + SCALE][:, None]
        if values.dtype == torch.int8
        else values.float()
        for name, values in small.items()
        if not name.endswith(SCALE)
    }
