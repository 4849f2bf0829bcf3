from __future__ import annotations

import numpy as np
import pytest
from segment_anything.utils.amg import build_all_layer_point_grids, generate_crop_boxes

from model.segmenters.sam.generation.grid import check_grids, crops, point_grids


@pytest.mark.parametrize(("per_side", "layers", "downscale"), [(1, 0, 1), (7, 2, 1), (16, 3, 2)])
def test_grids_are_the_reference_s(per_side: int, layers: int, downscale: int) -> None:
    expected = build_all_layer_point_grids(per_side, layers, downscale)
    actual = point_grids(per_side, layers, downscale)
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [(90, 125), (301, 200), (7, 5), (3000, 4000)])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_crops_are_the_reference_s(size: tuple[int, int], layers: int) -> None:
    boxes, numbers = generate_crop_boxes(size, layers, 512 / 1500)
    actual = crops(size, layers, 512 / 1500)
    assert [list(crop.box) for crop in actual] == boxes
    assert [crop.layer for crop in actual] == numbers


def test_a_missing_grid_is_told() -> None:
    with pytest.raises(ValueError, match="expected 2"):
        check_grids([np.zeros((3, 2))], 1)
    with pytest.raises(ValueError, match="N×2"):
        check_grids([np.zeros((3, 3))], 0)
