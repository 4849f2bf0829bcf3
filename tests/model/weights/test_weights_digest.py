"""Two networks have one digest only if all of their tensors are equal."""

import hashlib

import torch
from blake3 import blake3
from torch import nn

from model.weights.weights_digest import add_weights


def digest(network: nn.Module) -> str:
    made = blake3()
    add_weights(made, network)
    return made.hexdigest()


def test_every_tensor_counts_whatever_its_type() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).to(torch.bfloat16)
    before = digest(network)
    assert digest(network) == before
    for value in network.state_dict().values():
        kept = value.clone()
        value.add_(1)
        assert digest(network) != before
        value.copy_(kept)
    assert digest(network) == before
    assert digest(nn.Linear(2, 3)) != digest(nn.Linear(3, 2))


def test_any_digest_will_do() -> None:
    made = hashlib.sha256()
    add_weights(made, nn.Linear(1, 1))
    assert len(made.hexdigest()) == 64
