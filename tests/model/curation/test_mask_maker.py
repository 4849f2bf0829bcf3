"""Masks of boxes: which are kept, which are mended, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_sam import PHOTO, drawing_sam

from model.curation.mask_maker import NOTHING, OUTSIDE, SIDE, SMALL, BoxMasks, MaskMaker
from model.curation.records import Box, Caption, Phrase
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.segmenter import PointGridSegmenter

CAPTION = Caption("a cat", "scene", "toy")
FRAME = (SIDE // 2, SIDE)
PHOTO_SIZE = (FRAME[0] * 3, FRAME[1] * 3)
Corners = tuple[float, float, float, float]
IMAGE = Image(np.zeros((*FRAME, 3), np.uint8), PHOTO_SIZE)


def box(xyxy: Corners, head: str = "cat") -> Box:
    return Box(xyxy, Phrase(head, head, (0, 3), "", CAPTION), 0.5, "toy", (head,))


class DrawingSegmenter(Segmenter):
    """Draws what a function paints for each box, in a frame of its own; counts what it is asked."""

    def __init__(
        self, paint: Callable[[np.ndarray, list[int]], None], frame: tuple[int, int] = FRAME
    ) -> None:
        self.paint, self.frame = paint, frame
        self.asked: list[tuple[float, ...]] = []

    def segment(self, image: Image) -> Segments:
        raise AssertionError("nobody asks for all")

    def prompted_boxes(self, image: Image, boxes: Sequence[Corners]) -> list[Segments]:
        self.asked += boxes
        found = []
        for x, y, w, h in boxes:
            mask = np.zeros((1, *self.frame), np.bool_)
            scale = self.frame[1] / image.original_size[1]
            self.paint(mask[0], [round(value * scale) for value in (x, y, x + w, y + h)])
            one = Segments.from_masks(mask, [0.75]) if mask.any() else Segments.empty(self.frame)
            found.append(one)
        return found


def made(paint: Callable[[np.ndarray, list[int]], None], *boxes: Box) -> BoxMasks:
    return MaskMaker(DrawingSegmenter(paint)).masks(IMAGE, boxes)


def fill(mask: np.ndarray, corners: list[int]) -> None:
    x0, y0, x1, y1 = corners
    mask[y0:y1, x0:x1] = True


HALF = (0.25, 0.25, 0.5, 0.75)  # 256 × 256 pixels of the frame


def test_a_mask_lies_where_its_box_is() -> None:
    segmenter = DrawingSegmenter(fill)
    masks = MaskMaker(segmenter).masks(IMAGE, [box(HALF)])
    height, width = PHOTO_SIZE
    assert segmenter.asked == [(0.25 * width, 0.25 * height, 0.25 * width, 0.5 * height)]
    assert (masks.size, masks.quality, masks.losses) == (FRAME, (0.75,), ())
    expected = np.zeros(FRAME, np.bool_)
    expected[128:384, 256:512] = True
    np.testing.assert_array_equal(rle.decode(masks.counts, FRAME)[0], expected)


def test_boxes_of_one_place_are_asked_once_and_keep_their_order() -> None:
    def left_ones(mask: np.ndarray, corners: list[int]) -> None:
        if corners[0] < 500:
            fill(mask, corners)

    segmenter, away = DrawingSegmenter(left_ones), (0.5, 0.5, 0.75, 0.75)
    boxes = [box(away, "dog"), box(HALF), box(HALF, "white cat")]
    masks = MaskMaker(segmenter).masks(IMAGE, boxes)
    assert len(segmenter.asked) == 2
    assert masks.counts[0] is None
    assert masks.counts[1] == masks.counts[2] is not None
    assert masks.quality == (0.0, 0.75, 0.75)
    assert [(loss.what, loss.reason, loss.box) for loss in masks.losses] == [("dog", NOTHING, away)]
    assert MaskMaker(segmenter).masks(IMAGE, []) == BoxMasks(FRAME, (), (), ())


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        ((128, 384), (256, 512), None),  # all of the box
        ((128, 128 + 77), (256, 512), None),  # 30.08 % of it
        ((128, 128 + 76), (256, 512), SMALL),  # 29.7 %
        ((128, 128 + 76), (256, 512 + 32), SMALL),  # what lies outside does not cover it
        ((128, 384), (256, 512 + 64), None),  # just a fifth lies outside
        ((128, 384), (256, 512 + 65), OUTSIDE),
        ((0, 0), (0, 0), NOTHING),
    ],
)
def test_a_mask_that_does_not_fit_is_left_out(
    rows: tuple[int, int], columns: tuple[int, int], reason: str | None
) -> None:
    def paint(mask: np.ndarray, _: list[int]) -> None:
        mask[slice(*rows), slice(*columns)] = True

    masks = made(paint, box(HALF))
    assert [loss.reason for loss in masks.losses] == ([reason] if reason else [])
    assert (masks.counts[0] is None) == bool(reason)


@pytest.mark.parametrize(("frame", "side"), [(FRAME, 10), ((FRAME[0] // 2, FRAME[1] // 2), 5)])
@pytest.mark.parametrize("more", [0, 1])
def test_islands_and_holes_are_mended_up_to_a_size(
    frame: tuple[int, int], side: int, more: int
) -> None:
    across = side - 1 + more  # 9² and 4² are below a hundred pixels of the frame of 1,024

    def paint(mask: np.ndarray, corners: list[int]) -> None:
        x0, y0, x1, y1 = corners
        fill(mask, [x0, y0, (x0 + x1) // 2, y1])
        mask[y0 + 3 : y0 + 3 + across, x0 + 3 : x0 + 3 + across] = False
        mask[y0 : y0 + across, x1 - across : x1] = True

    whole = np.zeros(frame, np.bool_)
    fill(whole, [round(value * frame[1]) for value in (0.25, 0.125, 0.375, 0.375)])
    (counts,) = MaskMaker(DrawingSegmenter(paint, frame)).masks(IMAGE, [box(HALF)]).counts
    assert counts is not None
    differs = rle.decode((counts,), frame)[0] ^ whole
    assert differs.sum() == (2 * across**2 if more else 0)


shares = st.integers(0, 16).map(lambda n: n / 16)


@given(st.tuples(shares, shares, shares, shares), st.tuples(*[st.integers(0, 64)] * 4))
@settings(max_examples=60, deadline=None)
def test_the_rules_are_those_of_the_naive_version(
    corners: Corners, painted: tuple[int, int, int, int]
) -> None:
    place = (*np.minimum(corners[:2], corners[2:]), *(np.maximum(corners[:2], corners[2:])))
    place = (place[0], place[1], place[2] + 1 / 16, place[3] + 1 / 16)
    frame = (64, 64)
    drawn = [min(painted[0], painted[2]), min(painted[1], painted[3])]
    drawn += [max(painted[0], painted[2]), max(painted[1], painted[3])]

    def paint(mask: np.ndarray, _: list[int]) -> None:
        fill(mask, drawn)

    inside = np.zeros(frame, np.bool_)
    fill(inside, [round(64 * value) for value in place])
    mask = np.zeros(frame, np.bool_)
    paint(mask, [])
    extent = 64**2 * (place[2] - place[0]) * (place[3] - place[1])
    expected = (
        mask.any()
        and (mask & ~inside).sum() <= 0.2 * mask.sum()
        and (mask & inside).sum() >= 0.3 * extent
    )
    image = Image(np.zeros((64, 64, 3), np.uint8), (64, 64))
    masks = MaskMaker(DrawingSegmenter(paint, frame), smallest=0).masks(image, [box(place)])
    assert (masks.counts[0] is not None) == expected


def test_sam_draws_all_boxes_of_a_photo() -> None:
    segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), max(PHOTO.shape))
    boxes = [box((0.1, 0.1, 0.6, 0.6)), box((0.4, 0.3, 0.9, 0.9), "dog")]
    image = Image(PHOTO, PHOTO.shape[:2])
    masks = MaskMaker(segmenter, covered=0, outside=1, smallest=0).masks(image, boxes)
    assert masks.size == PHOTO.shape[:2]
    height, width = masks.size
    asked = [
        (x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height)
        for x0, y0, x1, y1 in (each.xyxy for each in boxes)
    ]
    expected = [found.counts[0] for found in segmenter.prompted_boxes(image, asked)]
    assert list(masks.counts) == expected
