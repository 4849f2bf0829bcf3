"""Figures of referring segmentation: one mask chosen for each expression, against the one meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.masks import rle

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps of what was chosen with what was meant.

    Attributes:
        common: Q float64, pixels of the intersections; 0 where nothing was chosen.
        union: Q float64, pixels of the unions; those of the target where nothing was chosen.
    """

    common: NDArray[np.float64]
    union: NDArray[np.float64]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Overlaps:
        return Overlaps(self.common[chosen], self.union[chosen])

    @property
    def iou(self) -> NDArray[np.float64]:
        """Q IoUs, 0 where the union is empty."""
        return self.common / np.maximum(self.union, 1)

    def overall_iou(self) -> float:
        """oIoU: the sum of all intersections by the sum of all unions."""
        return float(self.common.sum() / max(self.union.sum(), 1))

    def mean_iou(self) -> float:
        """mIoU: the mean of the pairs' IoUs."""
        return float(self.iou.mean())

    def precision(self, threshold: float) -> float:
        """Pr@t: share of the pairs whose IoU is at least t."""
        return float((self.iou >= threshold).mean())


def overlap(chosen: bytes | None, meant: bytes, size: tuple[int, int]) -> tuple[float, float]:
    """Pixels of intersection and union of two run lengths of one size; None: nothing was chosen."""
    (target,) = rle.areas([meant], size)
    if chosen is None:
        return 0.0, float(target)
    (area,) = rle.areas([chosen], size)
    iou = float(rle.iou([chosen], [meant], size)[0, 0])
    union = float(np.rint((area + target) / (1 + iou)))
    return float(area + target) - union, union


def overlaps(pairs: Sequence[tuple[float, float]]) -> Overlaps:
    """Overlaps of pairs of intersection and union."""
    table = np.array(pairs, np.float64).reshape(-1, 2)
    return Overlaps(table[:, 0], table[:, 1])
