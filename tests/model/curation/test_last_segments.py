"""Segments of the last photo are made once, and never told of another photo."""

import numpy as np

from model.curation.last_segments import PHOTOS, LastSegments
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter


class Counting(Segmenter):
    """Finds one pixel, further right in each photo, and counts."""

    calls = 0

    def segment(self, image: Image) -> Segments:
        mask = np.zeros((1, 4, 40), np.bool_)
        mask[0, 0, self.calls] = True
        self.calls += 1
        return Segments.from_masks(mask)


def test_each_photo_is_segmented_once() -> None:
    counting = Counting()
    last = LastSegments(counting)
    one, two = (Image(np.full((4, 40, 3), shade, np.uint8), (4, 40)) for shade in (0, 255))
    assert last.segment(one) is last.segment(one)
    assert counting.calls == 1
    assert last.segment(two).boxes[0, 0] == 1
    assert last.segment(one).boxes[0, 0] == 0
    assert counting.calls == 2


def test_the_oldest_photo_is_forgotten() -> None:
    counting = Counting()
    last = LastSegments(counting)
    shown = [Image(np.zeros((4, 40, 3), np.uint8), (4, 40)) for _ in range(PHOTOS + 1)]
    for image in (*shown, shown[-1], shown[0]):
        last.segment(image)
    assert counting.calls == PHOTOS + 2


def test_boxes_are_the_segmenters_own() -> None:
    image = Image(np.zeros((4, 8, 3), np.uint8), (4, 8))
    boxes = [(0.0, 0.0, 2.0, 2.0), (1.0, 1.0, 3.0, 2.0)]
    last = LastSegments(Counting())
    assert [len(found) for found in last.prompted_boxes(image, boxes)] == [0, 0]
