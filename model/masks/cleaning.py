"""Masks without specks: islands and holes that are small beside the mask, or in themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.masks import rle

Mask = NDArray[np.bool_]
_EIGHT = np.ones((3, 3), np.bool_)  # neighbours, corners included


def without_specks(mask: Mask, share: float) -> Mask:
    """The mask less its small islands and with its small holes filled.

    Islands are connected by sides. A hole is what the mask shuts off from the photo's border,
    corners included, and from the rest of the photo outside of the mask's box.

    Args:
        mask: H×W bool.
        share: share of the mask's area from which islands and holes stay. Below 0.5 something does.

    Returns:
        H×W bool; the mask itself if it is empty or `share` is 0.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows) or share <= 0:
        return mask
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    smallest = share * mask[box].sum()
    regions, areas = _regions(mask[box])
    inside = (areas >= smallest)[regions] & mask[box]
    if not inside.any():
        inside = regions == 1 + areas[1:].argmax()
    outside, areas = _regions(np.pad(~inside, 1, constant_values=True))
    filled = areas < smallest
    filled[outside[0, 0]] = False
    inside |= filled[outside][1:-1, 1:-1]
    cleaned = np.zeros_like(mask)
    cleaned[box] = inside
    return cleaned


def without_small_regions(counts: bytes, size: tuple[int, int], smallest: float) -> bytes:
    """A mask without holes and islands of fewer than `smallest` pixels; its largest island stays.

    Regions are connected by sides and corners, as segment-anything's.

    Args:
        counts: COCO compressed run lengths.
        size: (height, width) of the mask, pixels.
        smallest: pixels of the smallest region that stays.
    """
    mask = rle.decode((counts,), size)[0]
    filled = _mended(mask, smallest, holes=True)
    cleaned = _mended(filled, smallest, holes=False)
    return counts if np.array_equal(cleaned, mask) else rle.encode(cleaned[None])[0]


def _regions(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Numbers of the regions of a mask, 0 where it is not, and their areas."""
    regions, count = ndimage.label(mask)
    return regions, np.bincount(regions.ravel(), minlength=count + 1)


def _mended(mask: Mask, smallest: float, *, holes: bool) -> Mask:
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
