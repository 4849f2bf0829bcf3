from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.masks import rle

stacks = st.tuples(st.integers(0, 4), st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.bool_, shape)
)


@given(stacks)
def test_decoding_gives_back_what_was_encoded(stack: np.ndarray) -> None:
    counts = rle.encode(stack)
    assert len(counts) == len(stack)
    decoded = rle.decode(counts, stack.shape[1:])
    assert decoded.dtype == np.bool_
    assert np.array_equal(decoded, stack)


@given(stacks)
def test_areas_and_boxes_are_those_of_the_pixels(stack: np.ndarray) -> None:
    counts, size = rle.encode(stack), stack.shape[1:]
    assert rle.areas(counts, size).tolist() == stack.sum(axis=(1, 2)).tolist()
    for mask, box in zip(stack, rle.boxes(counts, size), strict=True):
        rows, columns = np.nonzero(mask)
        expected = (
            [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            if len(rows)
            else [0, 0, 0, 0]
        )
        assert box.tolist() == expected


@given(stacks, st.data())
def test_overlap_is_that_of_the_pixels(stack: np.ndarray, data: Any) -> None:
    other = data.draw(arrays(np.bool_, (3, *stack.shape[1:])))
    table = rle.iou(rle.encode(stack), rle.encode(other), stack.shape[1:])
    assert table.shape == (len(stack), 3)
    for i, one in enumerate(stack):
        for j, two in enumerate(other):
            union = (one | two).sum()
            expected = (one & two).sum() / union if union else 0
            assert table[i, j] == pytest.approx(expected)


def test_areas_of_more_masks_than_pycocotools_takes_at_once() -> None:
    stack = np.ones((600, 3, 5), np.bool_)
    assert rle.areas(rle.encode(stack), (3, 5)).tolist() == [15] * 600


@given(stacks, st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(1, 12))
def test_a_window_is_a_part_of_the_mask(
    stack: np.ndarray, top: int, left: int, height: int, width: int
) -> None:
    rows, columns = slice(top, top + height), slice(left, left + width)
    for mask, counts in zip(stack, rle.encode(stack), strict=True):
        window = rle.decode_window(counts, mask.shape, rows, columns)
        assert window.dtype == np.bool_
        assert np.array_equal(window, mask[rows, columns])


def test_run_lengths_of_another_size_are_refused() -> None:
    counts = rle.encode(np.ones((1, 6, 6), np.bool_))
    with pytest.raises(ValueError, match="do not fit"):
        rle.decode(counts, (5, 5))
    with pytest.raises(ValueError, match="do not fit"):
        rle.decode_window(counts[0], (5, 5), slice(2), slice(2))


def test_pooling_averages_by_area() -> None:
    maps = np.arange(12, dtype=np.float32).reshape(1, 2, 6)
    assert rle.pool(maps, (1, 3)).tolist() == [[[3.5, 5.5, 7.5]]]
    assert rle.pool(maps, (2, 6)).tolist() == maps.tolist()
    # three cells over two pixels: the middle one sees half of each
    assert rle.pool(np.float32([[[0, 1]]]), (1, 3))[0, 0] == pytest.approx([0, 0.5, 1])
