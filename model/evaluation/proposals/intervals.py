"""Intervals of means over regions that come by photos: photos are drawn anew, not regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
Floats = NDArray[np.float64]


def mean_interval(
    values: NDArray[np.generic], photo: NDArray[np.integer], level: float = 0.95
) -> tuple[Floats, Floats]:
    """Bounds of the mean of each column, by the percentile bootstrap over photos.

    Regions of one photo are found or missed together, so they count as one draw.

    Args:
        values: N×C numbers or truths.
        photo: N, the number of each row's photo.
        level: share of the draws between the bounds.

    Returns:
        C lower and C upper bounds.
    """
    numbers, place = np.unique(photo, return_inverse=True)
    sums = np.zeros((len(numbers), values.shape[1]))
    np.add.at(sums, place, values.astype(np.float64))
    counts = np.bincount(place, minlength=len(numbers))
    drawn = np.random.default_rng(0).integers(0, len(numbers), (DRAWS, len(numbers)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)[:, None]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
