"""Convolutions whose bias, activation and sum are done in one pass, where oneDNN is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["", "relu", "relu6"]
_CODES: dict[Activation, tuple[str, list[float]]] = {
    "": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "": lambda y: y,
    "relu": torch.relu_,
    "relu6": functional.relu6,
}


class Convolution:
    """A convolution for inference on a CPU, with what follows it.

    Each pass over a large map waits for the memory, and a photo's first maps have millions of
    numbers: so what follows a convolution is done while its result is in the cache.

    Args:
        layer: its weights; its padding is symmetric.
        activation: the function of the result.
        dtype: number format of the weights and of what it is given.
    """

    def __init__(
        self, layer: nn.Conv2d, activation: Activation = "", dtype: torch.dtype = torch.float32
    ) -> None:
        self.weight = layer.weight.detach().to(dtype, memory_format=torch.channels_last)
        self.bias = None if layer.bias is None else layer.bias.detach().to(dtype)
        self.padding = [0, 0] if isinstance(layer.padding, str) else list(layer.padding)
        self.stride, self.dilation = list(layer.stride), list(layer.dilation)
        self.groups = layer.groups
        self.activation = activation

    def __call__(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The activation of the convolution of x, to which `added` is added before.

        Args:
            x: B×C×H×W.
            added: tensor of the result's shape; not where the activation is `relu6`.
        """
        assert added is None or self.activation != "relu6"
        layer = (self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups)
        code, limits = _CODES[self.activation]
        y: Tensor
        if not fuses(x.dtype):
            weight, bias, padding, stride, dilation, groups = layer
            y = functional.conv2d(x, weight, bias, stride, padding, dilation, groups)
            y = y if added is None else y.add_(added)
            return _ACTIVATIONS[self.activation](y)
        fused = torch.ops.mkldnn._convolution_pointwise
        if added is None:
            y = fused(x, *layer, code, limits, "")
        else:
            unary = (code, limits, "") if self.activation else (None, [], None)
            y = fused.binary(x, added, *layer, "add", None, *unary)
        return y


@lru_cache(maxsize=4)
def fuses(dtype: torch.dtype) -> bool:
    """Whether torch has oneDNN's fused convolutions here, and they compute what they should."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x = torch.linspace(-3, 3, 32).reshape(1, 2, 4, 4).to(dtype, memory_format=torch.channels_last)
    weight = torch.full((2, 2, 1, 1), 0.5, dtype=dtype)
    layer = (weight, None, [0, 0], [1, 1], [1, 1], 1)
    plain = functional.conv2d(x, weight)
    try:
        op = torch.ops.mkldnn._convolution_pointwise
        clipped = op(x, *layer, "hardtanh", [0.0, 6.0], "")
        summed = op.binary(x, x, *layer, "add", None, "relu", [], "")
        bare = op.binary(x, x, *layer, "add", None, None, [], None)
    except (AttributeError, RuntimeError, TypeError):
        return False  # they are not a part of torch that is promised to stay
    expected = (functional.relu6(plain), torch.relu(plain + x), plain + x)
    close = 4 * torch.finfo(dtype).eps * 8
    return all(
        float((a - b).abs().max()) <= close
        for a, b in zip((clipped, summed, bare), expected, strict=True)
    )
