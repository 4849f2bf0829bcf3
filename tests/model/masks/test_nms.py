"""Suppression of masks against a naive loop, and coverage IoU against counted pixels."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.masks.nms import coverage_iou, greedy_nms


def naive(overlapping: np.ndarray, scores: list[float], most: int | None) -> list[int]:
    kept: list[int] = []
    for number in sorted(range(len(scores)), key=lambda one: (-scores[one], one)):
        if (most is None or len(kept) < most) and not any(overlapping[number, k] for k in kept):
            kept.append(number)
    return kept


@given(st.integers(0, 12), st.integers(0, 2**32 - 1), st.none() | st.integers(0, 5))
def test_suppression_is_that_of_a_naive_loop(count: int, seed: int, most: int | None) -> None:
    random = np.random.default_rng(seed)
    table = random.random((count, count)) < 0.3
    overlapping = table | table.T
    scores = random.integers(0, 4, count).astype(np.float32)
    assert greedy_nms(overlapping, scores, most).tolist() == naive(
        overlapping, scores.tolist(), most
    )


@given(st.integers(0, 2**32 - 1))
def test_of_whole_cells_the_overlap_is_that_of_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((3, 20)) < 0.5, random.random((4, 20)) < 0.5
    common = (one[:, None] & other[None]).sum(2)
    union = (one[:, None] | other[None]).sum(2)
    expected = common / np.maximum(union, 1)
    found = coverage_iou(one.astype(np.float32), other.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=20 * np.finfo(np.float32).eps)


def test_tensors_give_tensors() -> None:
    maps = torch.tensor([[1.0, 0.5], [0.0, 0.5]])
    found = coverage_iou(maps, maps)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.diagonal(), [1, 1])
