from __future__ import annotations

import numpy as np
import pytest
import torch
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from model.segmenters.sam.resize_maps import Axis, Frame

sizes = st.integers(1, 90)
TERMS = 4 * 16  # four products of matrices over 16 cells at most


def enlarged_by_torch(
    logits: torch.Tensor, size: tuple[int, int], inner: tuple[int, int], side: int
) -> torch.Tensor:
    """As `Sam.postprocess_masks`."""
    square = functional.interpolate(logits[None, None], (side, side), mode="bilinear")
    cut = square[..., : inner[0], : inner[1]]
    return functional.interpolate(cut, size, mode="bilinear")[0, 0]


@pytest.mark.parametrize("size", [(90, 125), (33, 47), (300, 200), (3, 64)])
def test_two_matrices_do_what_all_the_resizing_does(size: tuple[int, int]) -> None:
    inner = tuple(round(64 * length / max(size)) for length in size)
    logits = torch.randn(16, 16)
    frame = Frame.padded(size, (inner[0], inner[1]), 64, 16)
    expected = enlarged_by_torch(logits, size, (inner[0], inner[1]), 64).numpy()
    actual = frame.rows.weights @ logits.numpy() @ frame.columns.weights.T
    assert frame.size == size
    assert_close(actual, expected, TERMS)


def test_a_stretched_frame_is_one_resizing() -> None:
    logits = torch.randn(16, 16)
    frame = Frame.stretched((40, 50), (16, 16))
    expected = functional.interpolate(logits[None, None], (40, 50), mode="bilinear")[0, 0]
    actual = frame.rows.weights @ logits.numpy() @ frame.columns.weights.T
    assert_close(actual, expected, TERMS)


@settings(max_examples=60)
@given(st.integers(1, 16), sizes, sizes, sizes, st.data())
def test_what_is_reached_and_what_is_needed(
    cells: int, side: int, inner: int, pixels: int, data: st.DataObject
) -> None:
    axis = Axis.through(cells, side, min(inner, side), pixels)
    read = axis.weights > 0
    first = data.draw(st.integers(0, cells - 1))
    last = data.draw(st.integers(first, cells - 1))
    reached = axis.reached(slice(first, last + 1))
    reading = np.flatnonzero(read[:, first : last + 1].any(axis=1))
    assert set(reading) <= set(range(pixels)[reached])
    # where a step shrinks, pixels may step over cells between those that they read
    stepped_over = any(
        not read[pixel, axis.first_cell[pixel] : axis.last_cell[pixel] + 1].all()
        for pixel in range(pixels)
    )
    if not stepped_over:
        assert list(range(pixels)[reached]) == list(reading)
    if range(pixels)[reached]:
        needed = np.flatnonzero(read[reached].any(axis=0))
        assert axis.needed(reached) == slice(needed[0], needed[-1] + 1)
    assert axis.cells_read == np.flatnonzero(read.any(axis=0))[-1] + 1
    assert axis.reached(slice(0, 0)) == slice(0, 0)
