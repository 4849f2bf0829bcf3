"""What of a network is trained, and what is kept of it."""

from __future__ import annotations

from torch import Tensor, nn


def trained(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name."""
    return [(n, p) for n, p in network.named_parameters() if p.requires_grad]


def kept_state(network: nn.Module) -> dict[str, Tensor]:
    """What is saved of a network: trained parameters and buffers, by name, on the CPU."""
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    return {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if name not in frozen
    }
