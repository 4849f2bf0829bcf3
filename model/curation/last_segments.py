"""Segments of the photos that were looked at last: stages of one curation ask for them again."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence

from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter

PHOTOS = 16
"""Photos that are remembered: more than are on their way from boxes to masks."""


class LastSegments(Segmenter):
    """A segmenter that remembers what it found in the last photos; for one thread at a time.

    Args:
        segmenter: segmenter that does the work.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._last: OrderedDict[int, tuple[weakref.ref[Image], Segments]] = OrderedDict()

    def segment(self, image: Image) -> Segments:
        """What the segmenter finds, made once while the same image is asked for."""
        known = self._last.get(id(image))
        if known is None or known[0]() is not image:
            known = weakref.ref(image), self._segmenter.segment(image)
            self._last.pop(id(image), None)
            self._last[id(image)] = known
            if len(self._last) > PHOTOS:
                self._last.popitem(last=False)
        return known[1]

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """What the segmenter draws in boxes; nothing is remembered."""
        return self._segmenter.prompted_boxes(image, boxes)
