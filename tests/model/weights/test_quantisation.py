import pytest
import torch

from model.weights.quantisation import quantised, restored


def test_rows_come_back_to_within_half_a_step() -> None:
    torch.manual_seed(0)
    weights = {"matrix": torch.randn(7, 30) * torch.logspace(-3, 3, 7)[:, None]}
    found = restored(quantised(weights))["matrix"]
    step = weights["matrix"].abs().amax(dim=1) / 127
    assert ((found - weights["matrix"]).abs() <= step[:, None] * 0.501).all()


def test_a_row_of_zeros_stays_one_and_vectors_are_halved() -> None:
    weights = {"matrix": torch.zeros(2, 3), "bias": torch.tensor([0.5, -2.0])}
    small = quantised(weights)
    assert small["matrix"].dtype == torch.int8
    assert small["bias"].dtype == torch.float16
    for name, values in restored(small).items():
        torch.testing.assert_close(values, weights[name])


def test_a_matrix_without_scales_is_told() -> None:
    small = quantised({"matrix": torch.ones(2, 3)})
    del small["matrix.scale"]
    with pytest.raises(KeyError):
        restored(small)
