"""Masks of boxes: drawn by a promptable segmenter, mended, and left out where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.curation.records import Box, Loss
from model.masks import rle
from model.masks.cleaning import without_small_regions
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter

NOTHING = "nothing is drawn in the box"
SMALL = "the mask covers too little of its box"
OUTSIDE = "the mask leaves its box"
SIDE = 1024
"""Pixels of the longer side of the photo that masks are drawn on."""


@dataclass(frozen=True)
class BoxMasks:
    """Masks of N boxes of one photo, in the boxes' order.

    Attributes:
        size: (height, width) of the frame of all masks, pixels.
        counts: N COCO compressed run lengths in that frame; None where a box has no good mask.
        quality: N in [0, 1], the segmenter's own estimate of how well a mask fits; 0 where there
            is none.
        losses: one for each box without a mask, in the boxes' order.
    """

    size: tuple[int, int]
    counts: tuple[bytes | None, ...]
    quality: tuple[float, ...]
    losses: tuple[Loss, ...]


class MaskMaker:
    """Draws what is in boxes.

    Args:
        segmenter: segmenter that can be asked for boxes.
        smallest: pixels below which islands are dropped and holes filled, in a frame whose longer
            side has 1,024; in other frames the same share of the photo. What a segmenter draws
            wrong is small in its own frame, whatever the camera's resolution.
        covered: least share of a box that its mask covers.
        outside: largest share of a mask that lies outside of its box.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        smallest: float = 100,
        covered: float = 0.3,
        outside: float = 0.2,
    ) -> None:
        self._segmenter = segmenter
        self._smallest, self._covered, self._outside = smallest, covered, outside

    def masks(self, image: Image, boxes: Sequence[Box]) -> BoxMasks:
        """The masks of a photo's boxes: each box has its own, whatever the others have.

        Args:
            image: the photo.
            boxes: boxes in it, of any phrases; several may be one place.
        """
        if not boxes:
            return BoxMasks(image.reduced(SIDE).size, (), (), ())
        places = list(dict.fromkeys(box.xyxy for box in boxes))  # phrases that share a head
        height, width = image.original_size
        drawn = self._segmenter.prompted_boxes(
            image.reduced(SIDE),
            [
                (x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height)
                for x0, y0, x1, y1 in places
            ],
        )
        made = {
            place: self._judged(place, found) for place, found in zip(places, drawn, strict=True)
        }
        each = [(box, *made[box.xyxy]) for box in boxes]
        return BoxMasks(
            drawn[0].size,
            tuple(counts for _, counts, _, _ in each),
            tuple(quality for _, _, quality, _ in each),
            tuple(Loss(box.phrase.head, reason, box.xyxy) for box, _, _, reason in each if reason),
        )

    def _judged(
        self, place: tuple[float, float, float, float], found: Segments
    ) -> tuple[bytes | None, float, str]:
        """Run lengths, quality, and why there are none; "" where there are."""
        if not len(found):
            return None, 0.0, NOTHING
        smallest = self._smallest * (max(found.size) / SIDE) ** 2
        counts = without_small_regions(found.counts[0], found.size, smallest)
        height, width = found.size
        x0, y0, x1, y1 = np.array(place) * [width, height, width, height]
        rows = slice(max(int(np.floor(y0)), 0), int(np.ceil(y1)))
        columns = slice(max(int(np.floor(x0)), 0), int(np.ceil(x1)))
        inside = int(rle.decode_window(counts, found.size, rows, columns).sum())
        area = int(rle.areas([counts], found.size)[0])
        if not area:
            return None, 0.0, NOTHING
        if area - inside > self._outside * area:
            return None, 0.0, OUTSIDE
        if inside < self._covered * (x1 - x0) * (y1 - y0):
            return None, 0.0, SMALL
        return counts, float(found.quality[0]), ""
