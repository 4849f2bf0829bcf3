"""The exponential moving average of a network's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from model.training.loop.network_state import trained


class AveragedWeights:
    """Averages of the trained parameters, float32, as they were after each step.

    The first steps count less: the decay is min(decay, (1 + n) / (10 + n)) at the nth update.
    Buffers are not averaged; those of the network are used.

    Args:
        network: network with the parameters that are averaged.
        decay: share of the average that stays at each update.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.updates = 0
        self.weights = {
            name: parameter.detach().clone().float() for name, parameter in trained(network)
        }

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take the network's present weights in."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in trained(network):
            self.weights[name].lerp_(parameter.detach().float(), 1 - decay)

    @contextmanager
    def inside(self, network: nn.Module) -> Iterator[None]:
        """The network has the averages for its weights meanwhile."""
        own = {name: parameter.detach().clone() for name, parameter in trained(network)}
        _put(network, self.weights)
        try:
            yield
        finally:
            _put(network, own)


@torch.no_grad()
def _put(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy the weights into the network's trained parameters."""
    for name, parameter in trained(network):
        parameter.copy_(weights[name])
