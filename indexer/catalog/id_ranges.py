"""Ranges of ids, written out: a photo's segments have ids that follow each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def ids_of_ranges(first: Ids, count: Ids) -> Ids:
    """All of first[i] .. first[i] + count[i] - 1, one range after the other."""
    offset = first - (np.cumsum(count) - count)
    return np.asarray(np.repeat(offset, count) + np.arange(count.sum()), np.int64)
