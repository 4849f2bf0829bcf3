"""Choice of masks: greedy suppression by boxes, and the photo's size only where it matters.

The reference enlarges every mask, drops the unstable ones and then, best first, those whose box
overlaps a kept one's too much. Here masks are taken best first to begin with, and one is enlarged
only if what is known of its box does not settle that a kept mask suppresses it. What is kept is
the same, since whether a mask is kept depends on better ones only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.segmenters.sam.generation.candidates import Box, Candidate
from model.segmenters.sam.generation.upsampling import Enlarged

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Kept:
    """A mask that was kept, as a candidate and at its frame's size."""

    candidate: Candidate
    mask: Enlarged


class Boxes:
    """Boxes of what is kept, and how they overlap others: IoU of XYXY, x1 and y1 taken as they
    are (a box of one pixel is empty), in float32, as torchvision's suppression computes it."""

    def __init__(self) -> None:
        self._boxes = np.zeros((0, 4), np.float32)
        self._count = 0

    def add(self, box: Box) -> None:
        """One more."""
        if self._count == len(self._boxes):
            self._boxes = np.concatenate([self._boxes, np.zeros((64 + self._count, 4), np.float32)])
        self._boxes[self._count] = box
        self._count += 1

    def overlap(self, box: Box) -> float:
        """The largest IoU with any; 0 if there are none."""
        return self._largest(box, box)

    def overlap_at_least(self, inner: Box, outer: Box) -> float:
        """Lower bound of the largest IoU of a box that lies between the two."""
        if inner[0] >= inner[2] or inner[1] >= inner[3]:
            return 0.0
        return self._largest(inner, outer)

    def _largest(self, inner: Box, outer: Box) -> float:
        if not self._count:
            return 0.0
        known = self._boxes[: self._count]
        low = np.maximum(known[:, :2], np.asarray(inner[:2], np.float32))
        high = np.minimum(known[:, 2:], np.asarray(inner[2:], np.float32))
        common = np.maximum(high - low, 0).prod(axis=1)
        x0, y0, x1, y1 = np.asarray(outer, np.float32)
        areas = (known[:, 2:] - known[:, :2]).prod(axis=1)
        with np.errstate(invalid="ignore"):  # two empty boxes: 0/0 is no overlap
            ratio = common / (areas + (x1 - x0) * (y1 - y0) - common)
        return float(np.nan_to_num(ratio).max())


def best_distinct(
    candidates: Iterable[Candidate],
    enlarge: Callable[[Candidate], Enlarged],
    allowed: Callable[[Enlarged], bool],
    overlap: float,
) -> list[Kept]:
    """The candidates that survive, best first.

    Args:
        candidates: masks in any order; of equal ones the earlier is the better.
        enlarge: a candidate at its frame's size.
        allowed: whether a mask, so enlarged, may be kept at all.
        overlap: IoU of boxes above which the better of two masks is kept.
    """
    kept: list[Kept] = []
    boxes = Boxes()
    for candidate in sorted(candidates, key=lambda one: -one.quality):
        if boxes.overlap_at_least(candidate.inner, candidate.outer) > overlap:
            continue
        mask = enlarge(candidate)
        if allowed(mask) and not boxes.overlap(mask.box) > overlap:
            boxes.add(mask.box)
            kept.append(Kept(candidate, mask))
    return kept


def distinct_boxes(boxes: Sequence[Box], scores: Sequence[float], overlap: float) -> list[int]:
    """Numbers of the boxes that greedy suppression leaves, those of the highest score first."""
    known, left = Boxes(), []
    for number in sorted(range(len(boxes)), key=lambda one: -scores[one]):
        if not known.overlap(boxes[number]) > overlap:
            known.add(boxes[number])
            left.append(number)
    return left
