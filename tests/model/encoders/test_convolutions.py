import pytest
import torch
from closeness import assert_close
from torch import nn
from torch.nn import functional

from model.encoders import convolutions
from model.encoders.convolutions import Activation, Convolution

ACTIVATIONS = {"": nn.Identity(), "relu": functional.relu, "relu6": functional.relu6}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("activation", "summed"),
    [("", False), ("relu", False), ("relu6", False), ("", True), ("relu", True)],
)
def test_what_follows_a_convolution_is_what_it_is_by_itself(
    activation: Activation, summed: bool, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, padding=1, stride=2, groups=2).requires_grad_(False)
    x = torch.randn(2, 4, 9, 7).contiguous(memory_format=torch.channels_last) * 5
    expected = layer(x)
    added = torch.randn_like(expected) if summed else None
    if added is not None:
        expected = expected + added
    if not fused:
        monkeypatch.setattr(convolutions, "fuses", lambda dtype: False)
    found = Convolution(layer, activation)(x, added)
    assert_close(found, ACTIVATIONS[activation](expected), terms=19)
