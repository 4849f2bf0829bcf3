from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model import masks
from model.run_lengths import area_of, runs_of

some_masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=60))


@given(some_masks)
def test_the_area_is_that_of_the_mask(mask: np.ndarray) -> None:
    (counts,) = masks.encode(mask[None])
    assert area_of(counts, mask.shape) == mask.sum()


@given(some_masks)
def test_the_runs_make_the_mask(mask: np.ndarray) -> None:
    (counts,) = masks.encode(mask[None])
    runs = runs_of(counts)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    assert np.array_equal(columns.reshape(mask.shape[::-1]).T, mask)


def test_a_large_mask_is_measured() -> None:
    mask = np.zeros((4000, 6000), np.bool_)
    mask[10:3990, 20:5000] = True
    (counts,) = masks.encode(mask[None])
    assert area_of(counts, mask.shape) == mask.sum()


@given(some_masks)
def test_another_size_is_told(mask: np.ndarray) -> None:
    (counts,) = masks.encode(mask[None])
    with pytest.raises(ValueError, match="do not fit"):
        area_of(counts, (mask.shape[0] + 1, mask.shape[1]))


@given(st.binary(max_size=50))
def test_any_bytes_are_measured_or_refused(counts: bytes) -> None:
    try:
        area = area_of(counts, (8, 9))
    except ValueError:
        return
    assert 0 <= area <= 72
