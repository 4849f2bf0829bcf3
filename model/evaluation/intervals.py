"""Intervals of figures over cases that come by photos: photos are drawn anew, not cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
Floats = NDArray[np.float64]


def mean_interval(
    values: NDArray[np.generic], photo: NDArray[np.integer], level: float = 0.95
) -> tuple[Floats, Floats]:
    """Bounds of the mean of each column; see `ratio_interval`.

    Args:
        values: N×C numbers or truths.
        photo: N, the number of each row's photo.
        level: share of the draws between the bounds.
    """
    return ratio_interval(values, np.ones((len(values), 1)), photo, level)


def ratio_interval(
    above: NDArray[np.generic],
    below: NDArray[np.generic],
    photo: NDArray[np.integer],
    level: float = 0.95,
) -> tuple[Floats, Floats]:
    """Bounds of the ratio of two sums, column by column, by the percentile bootstrap over photos.

    Cases of one photo are found or missed together, so they count as one draw. A draw whose lower
    sum is 0 says nothing and is left out; where all are, so are the bounds (NaN).

    Args:
        above: N×C numbers or truths.
        below: N×C, or N×1 for all columns, none of them negative.
        photo: N, the number of each row's photo.
        level: share of the draws between the bounds.

    Returns:
        C lower and C upper bounds.
    """
    numbers, place = np.unique(photo, return_inverse=True)
    count = len(numbers)
    drawn = np.random.default_rng(0).integers(0, count, (DRAWS, count))
    cells = drawn + count * np.arange(DRAWS)[:, None]
    times = np.bincount(cells.ravel(), minlength=DRAWS * count).reshape(DRAWS, count)
    upper, lower = (times @ _sums(each, place, count) for each in (above, below))
    lower = np.broadcast_to(lower, upper.shape)
    ratios = np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower > 0)
    bounds = np.full((2, upper.shape[1]), np.nan)
    told = ~np.isnan(ratios).all(axis=0)
    shares = [(1 - level) / 2, (1 + level) / 2]
    bounds[:, told] = np.nanquantile(ratios[:, told], shares, axis=0)
    return bounds[0], bounds[1]


def _sums(values: NDArray[np.generic], place: NDArray[np.intp], count: int) -> Floats:
    """Sums of the rows of each photo, photos × C."""
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, place, values.astype(np.float64))
    return sums
