"""EfficientNet-Lite's blocks for inference: each layer one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.convolutions import Convolution


class FusedTrunk:
    """The convolutions of a network of timm whose norms are folded.

    Args:
        network: EfficientNet-Lite, as timm builds it, its batch norms folded into convolutions.
        dtype: number format of all arithmetic.
    """

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self._stem = _Strided.of(network.conv_stem, dtype)
        self._stages = [[_Block.of(block, dtype) for block in stage] for stage in network.blocks]
        self._last = Convolution(network.conv_head, "relu6", dtype)

    def stages(self, inputs: Tensor) -> list[Tensor]:
        """What each stage gives, of B×3×H×W inputs, channels last."""
        x, found = self._stem(inputs.to(self.dtype)), []
        for stage in self._stages:
            for block in stage:
                x = block(x)
            found.append(x)
        return found

    def last(self, x: Tensor) -> Tensor:
        """The last map, of what the last stage gave."""
        return self._last(x)


@dataclass(frozen=True, eq=False)
class _Strided:
    """A convolution with stride 2 may pad one side more than the other, as TensorFlow does.

    Attributes:
        convolution: the convolution, without padding if `same`.
        same: whether padding depends on the size of what it is given.
    """

    convolution: Convolution
    same: bool

    @classmethod
    def of(cls, layer: nn.Conv2d, dtype: torch.dtype) -> _Strided:
        return cls(Convolution(layer, "relu6", dtype), type(layer) is not nn.Conv2d)

    def __call__(self, x: Tensor) -> Tensor:
        return self.convolution(functional.pad(x, self.margins(x.shape[2:])) if self.same else x)

    def margins(self, size: Sequence[int]) -> tuple[int, int, int, int]:
        """Columns to the left and right, rows above and below, that are padded."""
        layer, found = self.convolution, []
        for length, kernel, stride in zip(
            reversed(size), reversed(layer.weight.shape[2:]), reversed(layer.stride), strict=True
        ):
            wanted = (-(-length // stride) - 1) * stride + kernel - length
            found += [max(wanted, 0) // 2, max(wanted, 0) - max(wanted, 0) // 2]
        left, right, above, below = found
        return left, right, above, below


@dataclass(frozen=True, eq=False)
class _Block:
    """An inverted residual, or, where nothing is widened, a separable convolution.

    Attributes:
        widen: the 1×1 convolution before; None where there is none.
        spatial: the convolution of each channel by itself.
        narrow: the 1×1 convolution after.
        skip: whether the input is added.
    """

    widen: Convolution | None
    spatial: _Strided
    narrow: Convolution
    skip: bool

    @classmethod
    def of(cls, block: Any, dtype: torch.dtype) -> _Block:
        widens = hasattr(block, "conv_pwl")
        return cls(
            Convolution(block.conv_pw, "relu6", dtype) if widens else None,
            _Strided.of(block.conv_dw, dtype),
            Convolution(block.conv_pwl if widens else block.conv_pw, "", dtype),
            bool(block.has_skip),
        )

    def __call__(self, x: Tensor) -> Tensor:
        y = self._seen(x)
        return self.narrow(y, x) if self.skip else self.narrow(y)

    def _seen(self, x: Tensor) -> Tensor:
        if self.widen is None:
            return self.spatial(x)
        if not self.spatial.same:
            return self.spatial(self.widen(x))
        # the narrow map is padded instead of the wide one, and what that widens to made zero
        left, right, above, below = self.spatial.margins(x.shape[2:])
        wide = self.widen(functional.pad(x, (left, right, above, below)))
        height, width = wide.shape[2:]
        wide[:, :, :above] = 0
        wide[:, :, height - below :] = 0
        wide[:, :, :, :left] = 0
        wide[:, :, :, width - right :] = 0
        return self.spatial.convolution(wide)
