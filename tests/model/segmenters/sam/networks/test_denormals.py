from __future__ import annotations

import pytest
import torch

from model.segmenters.sam.networks.denormals import denormals_flushed


def product() -> float:
    """1e-39, where denormals count."""
    return float(torch.tensor(1e-20) * torch.tensor(1e-19))


@pytest.fixture(autouse=True)
def _able() -> None:
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU knows no such mode")
    torch.set_flush_denormal(False)


def test_they_count_as_zero_for_the_time() -> None:
    assert product() > 0
    with denormals_flushed():
        assert product() == 0
        with denormals_flushed():
            assert product() == 0
        assert product() == 0
    assert product() > 0


def test_they_count_again_after_an_error() -> None:
    with pytest.raises(KeyError), denormals_flushed():
        raise KeyError
    assert product() > 0


def test_who_flushed_them_before_still_does() -> None:
    torch.set_flush_denormal(True)
    try:
        with denormals_flushed():
            pass
        assert product() == 0
    finally:
        torch.set_flush_denormal(False)
