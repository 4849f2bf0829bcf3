"""Digests of networks' weights: what tells two of one shape apart."""

from __future__ import annotations

from typing import Any


def add_weights(digest: Any, network: Any) -> None:
    """Add the names, shapes and bytes of all of a network's tensors to a digest.

    Args:
        digest: object with `update`, of blake3 or hashlib.
        network: torch's module, on any device.
    """
    import torch

    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
