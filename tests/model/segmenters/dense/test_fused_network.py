import pytest
import torch
from closeness import assert_close, terms_of

from model.segmenters.dense.fused_network import FusedDense
from model.segmenters.dense.head import DenseProposals
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.neck import folded

CHANNELS = (3, 4, 5, 6)
FIELDS = ("prototypes", "coefficients", "windows", "quality")


def proposals(dtype: torch.dtype) -> tuple[DenseNetwork, DenseProposals, DenseProposals]:
    torch.manual_seed(0)
    network = DenseNetwork(CHANNELS, width=8, fine=6, prototypes=4).eval().requires_grad_(False)
    folded(network)
    maps = [
        torch.randn(1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]
    with torch.inference_mode():
        return network, network(maps)[0], FusedDense(network, dtype)(maps)[0]


def test_it_proposes_what_the_network_does() -> None:
    network, expected, found = proposals(torch.float32)
    for field in FIELDS:
        one, other = getattr(found, field), getattr(expected, field)
        assert_close(one, other, terms_of(network))


@pytest.mark.parametrize("field", FIELDS)
def test_in_bfloat16_it_is_as_near_as_the_format_and_gives_float32(field: str) -> None:
    _, expected, found = proposals(torch.bfloat16)
    one, other = getattr(found, field), getattr(expected, field)
    assert one.dtype == torch.float32
    assert 0 < (one - other).norm() < 0.03 * other.norm()
