"""Average recall of masks, counted as in the COCO challenge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
NEVER = np.iinfo(np.int64).max


def found_at(
    iou: NDArray[np.float64],
    counted: NDArray[np.bool_] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> NDArray[np.int64]:
    """Place of the proposal that finds each region, for each threshold.

    As COCOeval: the proposals, best first, each take the region that they overlap most among
    those still free, if by the threshold or more. A region is found once, and a proposal finds
    one region. Regions that do not count are taken only by proposals that fit no counted one.
    Whoever looks at the first k proposals only finds the regions whose place is below k.

    Args:
        iou: N×M overlaps of N proposals, best first, with M regions.
        counted: M bool, whether a region counts; all by default.
        thresholds: T least overlaps.

    Returns:
        T×M int64, the proposal's place from 0, `NEVER` where there is none.
    """
    least = np.minimum(np.asarray(thresholds, np.float64), 1 - 1e-10)[:, None]
    places = np.full((len(least), iou.shape[1]), NEVER, np.int64)
    if not iou.size:
        return places
    preferred = np.zeros(iou.shape[1]) if counted is None else np.where(counted, 0.0, -2.0)
    every = np.arange(len(least))
    for place in np.flatnonzero(iou.max(axis=1) >= least[0, 0]):
        fits = (iou[place] >= least) & (places == NEVER)
        wanted = np.where(fits, iou[place] + preferred, -np.inf)
        # of equal ones the last, as COCOeval
        best = iou.shape[1] - 1 - wanted[:, ::-1].argmax(axis=1)
        taken = fits[every, best]
        places[every[taken], best[taken]] = place
    return places


def recall(places: NDArray[np.int64], first: int) -> NDArray[np.float64]:
    """T shares of the M regions found by the first so many proposals (T×M places)."""
    return np.asarray((places < first).mean(axis=1), np.float64)
