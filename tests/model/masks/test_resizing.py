from typing import Any

import numpy as np
import pytest
from closeness import eps
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from model.masks import rle
from model.masks.resizing import outline_field, resize_mask

blocky = st.tuples(st.integers(1, 16), st.integers(1, 16)).flatmap(
    lambda shape: arrays(np.bool_, shape)
)
# of a field of float32, which is linear between pixels and no larger than one
NEAR = 100 * eps("float32")
targets = st.tuples(st.integers(1, 70), st.integers(1, 70))


def at_size(mask: np.ndarray, target: Any) -> Any:
    (counts,) = rle.encode(mask[None])
    return rle.decode((resize_mask(counts, mask.shape, target),), target)[0]


def sampled(mask: np.ndarray, target: Any) -> Any:
    """The field, sampled densely at the centres of the target's pixels: slow and plain."""
    rows, columns = (
        (np.arange(t) + 0.5) * s / t - 0.5 for t, s in zip(target, mask.shape, strict=True)
    )
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    field = outline_field(mask).astype(np.float64)
    return ndimage.map_coordinates(field, grid, order=1, mode="nearest")


def parts_and_holes(mask: np.ndarray) -> Any:
    return ndimage.label(mask)[1], ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1


def disc(height: int, width: int, cy: Any, cx: Any, ry: Any, rx: Any) -> Any:
    y, x = np.mgrid[:height, :width] + 0.5
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1


def overlap(one: np.ndarray, other: np.ndarray) -> Any:
    return (one & other).sum() / (one | other).sum()


@settings(max_examples=300)
@given(blocky, targets)
def test_the_crossings_are_those_of_the_densely_sampled_field(
    mask: np.ndarray, target: Any
) -> None:
    values = sampled(mask, target)
    got = at_size(mask, target)
    if target == mask.shape or not mask.any():
        assert np.array_equal(got, mask if mask.any() else np.zeros(target, np.bool_))
    elif not (values >= 0.5 - NEAR).any():
        assert got.sum() == 1  # the one that holds the middle
    else:
        certain = np.abs(values - 0.5) > NEAR  # a tie may fall to either side
        if (got & certain).any() or got.sum() > 1:
            assert np.array_equal(got[certain], (values >= 0.5)[certain])


@settings(max_examples=200)
@given(blocky, st.sampled_from([3, 5, 7]))
def test_every_pixel_centre_keeps_its_side(mask: np.ndarray, times: Any) -> None:
    # at an odd multiple the centre of a pixel is the centre of one of its smaller pixels
    large = at_size(mask, (mask.shape[0] * times, mask.shape[1] * times))
    assert np.array_equal(large[times // 2 :: times, times // 2 :: times], mask)


@settings(max_examples=200)
@given(
    arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))).filter(np.any),
    st.floats(2.5, 6),
    st.floats(2.5, 6),
)
def test_holes_and_parts_survive(mask: np.ndarray, down: float, across: float) -> None:
    mask = np.pad(np.kron(mask, np.ones((2, 2), np.bool_)), 2)
    above, below = mask[:-1], mask[1:]
    # where two parts touch at a corner, joining and parting are both right
    assume(
        not (
            (above[:, 1:] == below[:, :-1])
            & (above[:, :-1] == below[:, 1:])
            & (above[:, 1:] != above[:, :-1])
        ).any()
    )
    target = (round(mask.shape[0] * down), round(mask.shape[1] * across))
    assert parts_and_holes(at_size(mask, target)) == parts_and_holes(mask)


def test_a_hole_and_an_island_of_one_pixel_survive() -> None:
    mask = np.zeros((20, 24), np.bool_)
    mask[3:14, 3:14] = True
    mask[8, 8] = False
    mask[17, 20] = True
    mask[16, 2:12] = True  # one pixel thin
    for target in [(33, 37), (40, 48), (61, 49), (100, 120), (401, 333)]:
        large = at_size(mask, target)
        assert parts_and_holes(large) == (3, 1)
        assert large.mean() == pytest.approx(mask.mean(), rel=0.03)  # thin ones keep their width


@pytest.mark.parametrize(
    ("radii", "size"), [((60, 60), (192, 256)), ((22, 80), (192, 256)), ((14, 14), (128, 128))]
)
def test_enlarging_a_reduced_smooth_shape_finds_its_outline(
    radii: Any, size: tuple[int, int]
) -> None:
    times = 8
    centre = size[0] * 0.47, size[1] * 0.52
    small = disc(*size, *centre, *radii)
    target = size[0] * times, size[1] * times
    true = disc(*target, *(c * times for c in centre), *(r * times for r in radii))
    smooth = overlap(at_size(small, target), true)
    blocks = overlap(np.kron(small, np.ones((times, times), np.bool_)), true)
    assert smooth >= 0.98
    assert smooth > blocks


def test_borders_stay_covered() -> None:
    mask = np.ones((9, 7), np.bool_)
    assert at_size(mask, (90, 70)).all()
    mask[:, :3] = False
    large = at_size(mask, (90, 70))
    assert large[0, 40:].all()
    assert large[-1, 40:].all()
    assert large[:, -1].all()
    assert not large[:, :25].any()


def test_the_last_pixel_is_kept_when_reduced() -> None:
    mask = np.zeros((400, 600), np.bool_)
    mask[300, 450] = True
    small = at_size(mask, (40, 60))
    assert np.argwhere(small).tolist() == [[30, 45]]


def test_the_same_size_is_the_same_mask() -> None:
    (counts,) = rle.encode(disc(30, 40, 15, 20, 8, 9)[None])
    assert resize_mask(counts, (30, 40), (30, 40)) is counts
