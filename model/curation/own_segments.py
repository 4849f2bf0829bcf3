"""Segments that a preset finds unasked, in place of what it would draw for their very boxes.

A box that the preset's own segment gave has a mask already, which fits better than one drawn from
the box once more (nano on held-out photos: best IoU 0.376 against 0.354, docs/nano-tried.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.curation.box_cleaning import box_iou
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.candidates import in_frame
from model.segmenter import Segmenter

EQUAL = 0.9  # IoU of two boxes from which they are the same


class OwnSegments(Segmenter):
    """A segmenter that answers a box with the segment that it finds there unasked, if it does.

    Args:
        segmenter: segmenter that does the work.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def segment(self, image: Image) -> Segments:
        """What the segmenter finds unasked."""
        return self._segmenter.segment(image)

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """One segment a box, in the frame of `segment`; of a box in which nothing is seen none.

        Args:
            image: the photo.
            boxes: x, y, width, height of each, pixels of the upright photo at full size.
        """
        own = self._segmenter.segment(image)
        height, width = own.size
        scale = np.array([width, height] * 2) / np.array(image.original_size[::-1] * 2)
        asked = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float64) * scale
        together = np.concatenate([asked.reshape(-1, 4), own.boxes.astype(np.float64)])
        iou = box_iou(together)[: len(boxes), len(boxes) :]
        nearest = iou.argmax(axis=1) if len(own) else np.zeros(len(boxes), np.int64)
        found = [
            own[[int(at)]] if len(own) and iou[number, at] >= EQUAL else None
            for number, at in enumerate(nearest)
        ]
        left = [number for number, segment in enumerate(found) if segment is None]
        drawn = self._segmenter.prompted_boxes(image, [boxes[number] for number in left])
        for number, segment in zip(left, drawn, strict=True):
            found[number] = in_frame(segment, own.size)
        return [segment for segment in found if segment is not None]
