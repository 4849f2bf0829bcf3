from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.draw import polygon2mask

from model.masks.polygons import bridged, outlines


def filled(polygon: Any, shape: Any) -> Any:
    """A pixel belongs where its centre does, by the even-odd rule."""
    return polygon2mask(shape, polygon[:, ::-1] - 0.5)


def overlap(one: np.ndarray, other: np.ndarray) -> Any:
    return (one & other).sum() / (one | other).sum()


small = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any)


@settings(max_examples=150)
@given(small)
def test_filling_the_outlines_gives_the_mask_back(mask: np.ndarray) -> None:
    polygons = outlines(mask)
    odd = np.logical_xor.reduce([filled(polygon, mask.shape) for polygon in polygons])
    assert np.array_equal(odd, mask)
    assert np.array_equal(filled(bridged(polygons), mask.shape), mask)
    assert min(polygon.min() for polygon in polygons) >= 0
    assert max(polygon[:, 0].max() for polygon in polygons) <= mask.shape[1]


def rings(scale: Any) -> Any:
    y, x = (np.mgrid[: 150 * scale, : 200 * scale] + 0.5) / scale
    apart = np.hypot(y - 75, x - 85)
    return ((apart < 65) & (apart > 30)) | (apart < 10) | (np.hypot(y - 30, x - 175) < 20)


def test_large_outlines_are_straightened_and_keep_the_mask() -> None:
    mask = rings(3)
    polygons = outlines(mask)
    assert len(polygons) == 4
    assert overlap(filled(bridged(polygons), mask.shape), mask) >= 0.99
    exact = outlines(mask, tolerance=0)
    assert sum(map(len, polygons)) < sum(map(len, exact)) / 2


def test_parts_and_holes_run_in_opposite_senses() -> None:
    def sense(polygon: Any) -> Any:
        x, y = polygon.T
        return np.sign(x @ np.roll(y, -1) - y @ np.roll(x, -1))

    senses = [sense(polygon) for polygon in outlines(rings(1))]
    assert sorted(senses) in ([-1, 1, 1, 1], [-1, -1, -1, 1])
