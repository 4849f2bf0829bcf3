"""Parts of a network that are trained, that rest meanwhile, and that are kept."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from model.errors import RunMismatch


def trained(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name."""
    return [(n, p) for n, p in network.named_parameters() if p.requires_grad]


def set_training_mode(network: nn.Module) -> None:
    """Training mode for what is trained, in place; frozen parts stay in evaluation mode.

    Frozen is every module that has parameters and none that is trained, with all that it consists
    of: its norms' averages stay as they are, and nothing in it is dropped out. Modules without
    parameters go with what they are part of.
    """
    network.train()
    for part in network.children():
        parameters = list(part.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            part.eval()
        else:
            set_training_mode(part)


def kept_state(network: nn.Module) -> dict[str, Tensor]:
    """Part of a network that is saved: trained parameters and buffers, by name, on the CPU."""
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    return {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if name not in frozen
    }


def restore_state(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a network what was kept of it.

    Raises:
        RunMismatch: the state belongs to another network.
    """
    expected = {name: tuple(value.shape) for name, value in kept_state(network).items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    different = sorted(set(expected.items()) ^ set(found.items()))
    if different:
        raise RunMismatch(
            f"the checkpoint is of another network: '{different[0][0]}' is not the same",
            "train anew into another folder by --out, or go back to the code that made it",
        )
    network.load_state_dict(state, strict=False)
