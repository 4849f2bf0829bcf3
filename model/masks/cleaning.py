"""Masks without specks: islands and holes that are small beside the mask itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


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


def _regions(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Numbers of the regions of a mask, 0 where it is not, and their areas."""
    regions, count = ndimage.label(mask)
    return regions, np.bincount(regions.ravel(), minlength=count + 1)
