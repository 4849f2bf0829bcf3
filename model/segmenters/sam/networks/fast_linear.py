"""Products of matrices in float32, by the path that is faster on this CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]

_CLEARLY = 1.15  # times faster than the usual path, to be worth another one
_TRIAL = (1024, 256, 768)  # rows, inputs, outputs: some 3 ms


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`functional.linear` by the faster of two paths, chosen once by trying.

    torch hands float32 linear layers to MKL, which holds back on CPUs of other makers; a 1×1
    convolution is the same sum, done by oneDNN.
    """
    if x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() >= _TRIAL[0] * _TRIAL[1]:
        return float32_product()(x, weight, bias)
    return functional.linear(x, weight, bias)


@cache
def float32_product() -> Product:
    """The faster path for large products of float32 on this CPU."""
    rows, inputs, outputs = _TRIAL
    trial = torch.ones(rows, inputs), torch.ones(outputs, inputs), torch.ones(outputs)
    usual, other = (_seconds(path, *trial) for path in (functional.linear, by_convolution))
    return by_convolution if usual > _CLEARLY * other else functional.linear


def by_convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`functional.linear` as a 1×1 convolution over rows taken as pixels; nothing is copied."""
    pixels = x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)
    made = functional.conv2d(pixels, weight[:, :, None, None], bias)
    return made.permute(0, 2, 3, 1).reshape(*x.shape[:-1], weight.shape[0])


def _seconds(path: Product, *trial: Tensor) -> float:
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        path(*trial)
        best = min(best, time.perf_counter() - start)
    return best
