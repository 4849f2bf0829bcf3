"""The neck and the dense head for inference on a CPU: each layer one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.convolutions import Activation, Convolution
from model.segmenters.dense.head import DenseProposals
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.neck import ConvNorm, Residual, enlarged


class FusedDense:
    """A dense network whose norms are folded.

    Masks are the small difference of large sums, so the last layers compute in float32 whatever
    the others do.

    Args:
        network: the network.
        dtype: number format of all layers but the last.
    """

    def __init__(self, network: DenseNetwork, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        neck, self._head = network.neck, network.head
        self._from32 = self._folded(neck.from32)
        self._photo = neck.photo
        self._lateral = [
            self._folded(each, "relu") for each in (neck.from16, neck.from8, neck.from4)
        ]
        self._mixed = [
            [(self._folded(each.one, "relu"), self._folded(each.two, "relu")) for each in blocks]
            for blocks in map(_residuals, (neck.mix32, neck.mix16, neck.mix8, neck.mix4))
        ]
        self._narrow = self._folded(neck.narrow)
        self._draw = self._folded(self._head.draw[0], "relu")
        self._drawn = Convolution(_convolution(self._head.draw[2]))
        self._tower = [self._folded(self._head.tower[number], "relu") for number in (0, 2)]
        self._propose = Convolution(self._head.propose)

    @torch.inference_mode()
    def __call__(self, maps: Sequence[Tensor]) -> list[DenseProposals]:
        """Proposals of each photo, from the trunk's maps, B×channels×h×w each."""
        at4, at8, at16, at32 = (
            each.to(self._dtype, memory_format=torch.channels_last) for each in maps
        )
        top = self._from32(at32)
        context = self._photo(functional.relu(top).mean(dim=(2, 3), dtype=torch.float32))
        seen = functional.relu(top + context.to(self._dtype)[:, :, None, None])
        found = [seen := self._mix(0, seen)]
        for number, level in enumerate((at16, at8, at4)):
            below = self._narrow(seen) if number == 2 else seen
            below = enlarged(below, level).contiguous(memory_format=torch.channels_last)
            seen = self._mix(number + 1, self._lateral[number](level, below))
            found.append(seen)
        grid, fine = found[2], found[3]
        for layer in self._tower:
            grid = layer(grid)
        return self._head.read(self._propose(grid.float()), self._drawn(self._draw(fine).float()))

    def _mix(self, number: int, x: Tensor) -> Tensor:
        for one, two in self._mixed[number]:
            x = two(one(x), x)
        return x

    def _folded(self, layer: nn.Module, activation: Activation = "") -> Convolution:
        assert isinstance(layer, ConvNorm)
        assert isinstance(layer[1], nn.Identity), "a norm that is not folded"
        return Convolution(_convolution(layer[0]), activation, self._dtype)


def _convolution(layer: nn.Module) -> nn.Conv2d:
    assert isinstance(layer, nn.Conv2d)
    return layer


def _residuals(layer: nn.Module) -> list[Residual]:
    return [each for each in layer.modules() if isinstance(each, Residual)]
