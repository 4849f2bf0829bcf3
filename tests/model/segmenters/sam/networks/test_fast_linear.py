from __future__ import annotations

import pytest
import torch
from closeness import assert_close
from torch.nn import functional

from model.segmenters.sam.networks.fast_linear import by_convolution, float32_product, linear


@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_is_a_linear_layer(bias: bool) -> None:
    x, weight = torch.randn(2, 5, 7, 24), torch.randn(9, 24)
    offset = torch.randn(9) if bias else None
    expected = functional.linear(x, weight, offset)
    assert_close(by_convolution(x, weight, offset), expected, terms=25)


def test_large_products_take_the_path_that_was_faster() -> None:
    x, weight = torch.randn(2048, 128), torch.randn(16, 128)
    assert float32_product() in (by_convolution, functional.linear)
    assert_close(linear(x, weight), x @ weight.T, terms=128)
    half = linear(x.bfloat16(), weight.bfloat16())
    assert half.dtype == torch.bfloat16
