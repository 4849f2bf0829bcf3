"""Small holes filled and small islands dropped, as segment-anything does, from runs to runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.masks import rle
from model.segmenters.sam.generation.box_nms import distinct_boxes
from model.segmenters.sam.generation.candidates import Box

Size = tuple[int, int]
_EIGHT = np.ones((3, 3), np.bool_)  # neighbours, corners included


def without_small_regions(counts: bytes, size: Size, smallest: int) -> bytes:
    """A mask without holes and islands of fewer than `smallest` pixels; its largest island stays.

    Args:
        counts: COCO compressed run lengths.
        size: (height, width) of the mask, pixels.
        smallest: pixels of the smallest region that stays.
    """
    mask = rle.decode((counts,), size)[0]
    filled = _mended(mask, smallest, holes=True)
    cleaned = _mended(filled, smallest, holes=False)
    return counts if np.array_equal(cleaned, mask) else rle.encode(cleaned[None])[0]


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


def _mended(mask: NDArray[np.bool_], smallest: int, *, holes: bool) -> NDArray[np.bool_]:
    regions, count = ndimage.label(mask ^ holes, _EIGHT)
    areas = np.bincount(regions.ravel(), minlength=count + 1)
    small = areas < smallest
    small[0] = False
    if not small.any():
        return mask
    if holes:
        return np.asarray(mask | small[regions])
    kept = ~small
    kept[0] = False
    if not kept.any():
        kept[1 + int(areas[1:].argmax())] = True
    return np.asarray(kept[regions])
