"""Segments of the photo that was looked at last: stages of one curation ask for them again."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter


class LastSegments(Segmenter):
    """A segmenter that remembers what it found in the last photo.

    Args:
        segmenter: segmenter that does the work.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._last: tuple[weakref.ref[Image], Segments] | None = None

    def segment(self, image: Image) -> Segments:
        """What the segmenter finds, made once while the same image is asked for."""
        if self._last is None or self._last[0]() is not image:
            self._last = weakref.ref(image), self._segmenter.segment(image)
        return self._last[1]

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """What the segmenter draws in boxes; nothing is remembered."""
        return self._segmenter.prompted_boxes(image, boxes)
