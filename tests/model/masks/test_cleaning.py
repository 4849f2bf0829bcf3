from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import measure

from model.masks.cleaning import without_specks


def disc(size: int = 40) -> NDArray[np.bool_]:
    y, x = np.mgrid[:size, :size]
    return (y - 15) ** 2 + (x - 15) ** 2 < 144


def test_small_islands_go_and_small_holes_are_filled_and_large_ones_stay() -> None:
    plain = disc()
    specked = plain.copy()
    specked[35:38, 35:38] = True
    specked[10:13, 14:16] = False
    assert (without_specks(specked, 0.05) == plain).all()
    assert (without_specks(specked, 0.001) == specked).all()
    ring = plain & (((np.mgrid[:40, :40] - 15) ** 2).sum(axis=0) >= 64)
    assert (without_specks(ring, 0.1) == ring).all()


def test_what_lies_open_to_the_border_of_its_box_is_no_hole() -> None:
    mask = np.ones((20, 20), np.bool_)
    mask[0, 0] = mask[10, 19] = mask[19, 4:6] = False
    assert (without_specks(mask, 0.3) == mask).all()


@pytest.mark.parametrize("mask", [np.zeros((5, 5), np.bool_), np.ones((5, 5), np.bool_), disc()])
def test_what_has_no_specks_is_left_alone(mask: NDArray[np.bool_]) -> None:
    assert (without_specks(mask, 0.2) == mask).all()
    assert (without_specks(mask, 0) == mask).all()


def test_of_many_equal_islands_one_stays() -> None:
    dots = np.zeros((9, 9), np.bool_)
    dots[::2, ::2] = True
    assert without_specks(dots, 0.2).sum() == 1


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.4), st.integers(1, 14), st.integers(1, 14))
def test_the_same_as_region_by_region(seed: int, share: float, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((height, width)) < random.random()
    least = share * mask.sum()
    expected = np.zeros_like(mask)
    islands = measure.label(mask, connectivity=1)
    areas = [(islands == number).sum() for number in range(1, islands.max() + 1)]
    for number, area in enumerate(areas, 1):
        if area >= least:
            expected |= islands == number
    if areas and not expected.any():
        expected |= islands == 1 + int(np.argmax(areas))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if len(rows):
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        holes = measure.label(~expected[box], connectivity=1)
        for number in range(1, holes.max() + 1):
            hole = holes == number
            open_to_border = hole[[0, -1]].any() or hole[:, [0, -1]].any()
            if not open_to_border and hole.sum() < least:
                expected[box] |= hole
    np.testing.assert_array_equal(without_specks(mask, share), expected)
