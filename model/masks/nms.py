"""Non-maximum suppression of masks, and the overlap of masks that are known by coverage maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Maps = TypeVar("Maps", NDArray[np.float32], "Tensor")

_LEAST = 1e-9  # area below which a union counts as this


def coverage_iou(one: Maps, other: Maps) -> Maps:
    """N×M intersections over unions of coverage maps, by Tanimoto's form: equal maps give 1.

    Args:
        one: N×cells float32, the share of each cell that a mask covers.
        other: M×cells float32, of the other masks, on the same grid.
    """
    common = one @ other.T
    areas = (one * one).sum(1)[:, None] + (other * other).sum(1)[None]
    iou: Maps = common / (areas - common).clip(min=_LEAST)
    return iou


def greedy_nms(
    overlapping: NDArray[np.bool_], scores: NDArray[np.floating], most: int | None = None
) -> NDArray[np.int64]:
    """Numbers of the masks that are kept, best first: none overlaps a better one that is kept.

    Args:
        overlapping: N×N, whether two masks overlap by more than is allowed.
        scores: N; of equal ones the earlier is the better.
        most: masks at most; None: as many as there are.
    """
    free = np.ones(len(scores), np.bool_)
    kept: list[int] = []
    for number in np.argsort(-scores, kind="stable"):
        if free[number]:
            if len(kept) == most:
                break
            kept.append(int(number))
            free &= ~overlapping[number]
    return np.array(kept, np.int64)
