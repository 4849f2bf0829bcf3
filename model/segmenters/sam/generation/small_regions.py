"""Small holes filled and small islands dropped, as segment-anything does, from runs to runs."""

from __future__ import annotations

from collections.abc import Sequence

from model.masks import rle
from model.masks.cleaning import without_small_regions
from model.segmenters.sam.generation.box_nms import distinct_boxes
from model.segmenters.sam.generation.candidates import Box

Size = tuple[int, int]


def cleaned(
    counts: Sequence[bytes], size: Size, smallest: int, overlap: float
) -> tuple[list[int], list[bytes]]:
    """Masks without small regions; where two become alike, one that was left alone is kept.

    Args:
        counts: COCO compressed run lengths, best first.
        size: (height, width) of the masks.
        smallest: pixels of the smallest region that stays.
        overlap: IoU of boxes from which two masks count as alike.

    Returns:
        Numbers of the masks that are left, and their run lengths.
    """
    mended = [without_small_regions(each, size, smallest) for each in counts]
    untouched = [float(new is old) for new, old in zip(mended, counts, strict=True)]
    left = distinct_boxes(inclusive_boxes(mended, size), untouched, overlap)
    return left, [mended[number] for number in left]


def inclusive_boxes(counts: Sequence[bytes], size: Size) -> list[Box]:
    """XYXY of the first and last pixels of masks; zeros of one that has none."""
    ends = rle.boxes(counts, size).astype(int) - [0, 0, 1, 1]
    return [(x0, y0, max(x1, 0), max(y1, 0)) for x0, y0, x1, y1 in ends.tolist()]
