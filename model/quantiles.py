"""Quantiles of scores that are sorted already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantile(ascending: NDArray[np.float32], share: float) -> NDArray[np.float64]:
    """Quantile of each of Q rows of sorted scores, as `numpy.quantile`, which sorts them anew."""
    place = share * (ascending.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ascending.shape[1] - 1)
    low, high = ascending[:, below].astype(np.float64), ascending[:, above]
    return np.asarray(low + (place - below) * (high - low), np.float64)
