"""Figures of referring segmentation: one mask chosen for each expression, against the one meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.masks import rle

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
MEASURES = ("oIoU", "mIoU", *(f"Pr@{t}" for t in THRESHOLDS), "MC-Acc", "CC-oIoU")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ratio:
    """A figure that is the ratio of two sums over Q expressions.

    Attributes:
        above, below: Q float64, shares of the expressions in the two sums.
    """

    above: Floats
    below: Floats

    @property
    def value(self) -> float | None:
        """The figure; None where the lower sum is 0, so that there is none."""
        below = self.below.sum()
        return float(self.above.sum() / below) if below > 0 else None

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Ratio:
        return Ratio(self.above[chosen], self.below[chosen])


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps of what was chosen with what was meant.

    Attributes:
        common: Q float64, pixels of the intersections; 0 where nothing was chosen.
        union: Q float64, pixels of the unions; those of the target where nothing was chosen.
    """

    common: Floats
    union: Floats

    @property
    def iou(self) -> Floats:
        """Q IoUs, 0 where the union is empty."""
        return self.common / np.maximum(self.union, 1)

    def ratios(self, best: Overlaps) -> dict[str, Ratio]:
        """Figures by their names in `MEASURES`.

        oIoU is the sum of all intersections by the sum of all unions, mIoU the mean of the pairs'
        IoUs, Pr@t the share of pairs with an IoU of at least t. MC-Acc is the share of expressions
        whose chosen mask is the best that there was to choose, and CC-oIoU the oIoU of these: how
        well was chosen, and how well the masks fit where it was. No publication that was found
        defines the last two, so their form is ours.

        Args:
            best: overlaps of the candidates that fit best; equal ones are as good.
        """
        iou, each = self.iou, np.ones(len(self.common))
        right = ((iou >= best.iou) & (iou > 0)).astype(np.float64)
        return {
            "oIoU": Ratio(self.common, self.union),
            "mIoU": Ratio(iou, each),
            **{f"Pr@{t}": Ratio((iou >= t).astype(np.float64), each) for t in THRESHOLDS},
            "MC-Acc": Ratio(right, each),
            "CC-oIoU": Ratio(right * self.common, right * self.union),
        }


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
