"""Boxes worth a mask: sure, of a part of the photo, and no doubles of better ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.curation.records import Box, Loss, Phrase
from model.masks.nms import greedy_nms

UNSURE = "the box' score is too low"
EMPTY = "the box has no extent"
EVERYTHING = "the box is nearly the whole photo"
DOUBLE = "the box is a double of a better one of its phrase"
SURPLUS = "its phrase has enough better boxes"


@dataclass(frozen=True)
class BoxCleaning:
    """Rules for boxes. 0.25 and 0.8 are those of Grounded SAM's published demo.

    Attributes:
        least: score below which a box is dropped.
        overlap: IoU above which only the better of two boxes of a phrase is kept.
        largest: share of the photo above which a box is dropped: it says nothing of a place.
        most: boxes of a phrase at most.
    """

    least: float = 0.25
    overlap: float = 0.8
    largest: float = 0.95
    most: int = 20

    def cleaned(self, boxes: Sequence[Box]) -> tuple[tuple[Box, ...], tuple[Loss, ...]]:
        """Boxes that are kept, in the order in which they came, and why others are not.

        Args:
            boxes: boxes of one photo, of any phrases.
        """
        reasons: dict[int, str] = {}
        phrases: dict[Phrase, list[int]] = defaultdict(list)
        for number, box in enumerate(boxes):
            reason = self._fault(box)
            if reason:
                reasons[number] = reason
            else:
                phrases[box.phrase].append(number)
        for numbers in phrases.values():
            scores = np.array([boxes[number].score for number in numbers])
            iou = box_iou(np.array([boxes[number].xyxy for number in numbers]))
            distinct = [numbers[i] for i in greedy_nms(iou > self.overlap, scores)]
            kept = set(distinct[: self.most])
            reasons |= {number: SURPLUS for number in distinct if number not in kept}
            reasons |= dict.fromkeys(set(numbers) - set(distinct), DOUBLE)
        left = tuple(box for number, box in enumerate(boxes) if number not in reasons)
        lost = [(boxes[number], reason) for number, reason in sorted(reasons.items())]
        return left, tuple(Loss(box.phrase.head, reason, box.xyxy) for box, reason in lost)

    def _fault(self, box: Box) -> str | None:
        """Why a box is not worth a mask, whatever others there are."""
        x0, y0, x1, y1 = box.xyxy
        if box.score < self.least:
            return UNSURE
        if x1 <= x0 or y1 <= y0:
            return EMPTY
        if (x1 - x0) * (y1 - y0) > self.largest:
            return EVERYTHING
        return None


def box_iou(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """N×N intersections over unions of N boxes with an extent.

    Args:
        boxes: N×4, XYXY in any unit.
    """
    corners = boxes.astype(np.float64)
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    iou: NDArray[np.float64] = common / (areas[:, None] + areas[None] - common)
    return iou
