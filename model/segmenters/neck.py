"""The neck: four maps of the frozen trunk fused into a fine, a middle and a coarse one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Maps that the neck makes of a batch of B photos of H×W pixels.

    Attributes:
        fine: B×F×H/4×W/4, for outlines.
        grid: B×C×H/8×W/8, for what lies at each cell.
        coarse: B×C×H/16×W/16, for prompts.
    """

    fine: Tensor
    grid: Tensor
    coarse: Tensor


class Neck(nn.Module):
    """Top-down fusion, as in feature pyramid networks, with residual blocks at every stride.

    Args:
        channels: channels of the trunk's maps at strides 4, 8, 16 and 32.
        width: C, of the maps at strides 8 and 16.
        fine: F, of the map at stride 4.
        blocks: residual blocks at strides 32, 16 and 8.
    """

    def __init__(
        self,
        channels: Sequence[int],
        width: int = 96,
        fine: int = 64,
        blocks: Sequence[int] = (2, 2, 1),
    ) -> None:
        super().__init__()
        at4, at8, at16, at32 = channels
        self.from32, self.from16, self.from8 = (
            ConvNorm(inputs, width, 1) for inputs in (at32, at16, at8)
        )
        self.from4 = ConvNorm(at4, fine, 1)
        self.photo = nn.Linear(width, width)
        self.mix32, self.mix16, self.mix8 = (
            nn.Sequential(*(Residual(width) for _ in range(count))) for count in blocks
        )
        self.narrow = ConvNorm(width, fine, 1)
        self.mix4 = Residual(fine)

    def forward(self, maps: Sequence[Tensor]) -> Pyramid:
        """Fuse the trunk's maps, B×channels×h×w each, at strides 4, 8, 16 and 32."""
        at4, at8, at16, at32 = maps
        top = self.from32(at32)
        context = self.photo(functional.relu(top).mean(dim=(2, 3)))[:, :, None, None]
        top = self.mix32(functional.relu(top + context))
        coarse = self.mix16(functional.relu(self.from16(at16) + enlarged(top, at16)))
        grid = self.mix8(functional.relu(self.from8(at8) + enlarged(coarse, at8)))
        fine = self.mix4(functional.relu(self.from4(at4) + enlarged(self.narrow(grid), at4)))
        return Pyramid(fine, grid, coarse)


class ConvNorm(nn.Sequential):
    """A convolution that keeps the size, and a batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


class Residual(nn.Module):
    """Two 3×3 convolutions around which the input passes unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = ConvNorm(width, width)
        self.two = ConvNorm(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """B×width×h×w to the same shape, never negative."""
        changed: Tensor = self.two(functional.relu(self.one(x)))
        return functional.relu(x + changed)


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """x, bilinearly, at the height and width of `like`."""
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def folded(network: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, in place: its averages no longer move.

    The bias that the norm's becomes is trained where the norm was.
    """
    for module in network.modules():
        if isinstance(module, ConvNorm):
            convolution, norm = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution.eval(), norm.eval())
            assert fused.bias is not None
            fused.bias.requires_grad_(norm.bias.requires_grad)
            module[0], module[1] = fused, nn.Identity()
