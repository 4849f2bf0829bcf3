"""How well words find segments: average precision and precision at ten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> float:
    """Mean, over the relevant ones, of the precision down to each; 0 without any.

    Args:
        scores: M, higher is better; ties count in the order given.
        relevant: M.
    """
    hits = relevant[np.argsort(-scores, kind="stable")]
    if not hits.any():
        return 0.0
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def mean_average_precision(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> float:
    """Mean of the average precision of Q queries over M segments (Q×M); queries without a
    relevant segment are left out; 0 when none is left."""
    asked = np.flatnonzero(relevant.any(axis=1))
    return sum(average_precision(scores[q], relevant[q]) for q in asked) / max(len(asked), 1)


def precision_at(scores: NDArray[np.float32], relevant: NDArray[np.bool_], k: int = 10) -> float:
    """Mean share of relevant ones among the first k (Q×M); of a query with fewer than k relevant
    ones, of as many as there are; queries without any are left out."""
    shares = []
    for row, truth in zip(scores, relevant, strict=True):
        best = min(k, int(truth.sum()))
        if best:
            first = np.argsort(-row, kind="stable")[:k]
            shares.append(min(int(truth[first].sum()), best) / best)
    return sum(shares) / max(len(shares), 1)


def best_of_photo(
    scores: NDArray[np.float32], photo: NDArray[np.int64], photos: int
) -> NDArray[np.float32]:
    """Q×photos: of each photo its best segment's score; -inf without segments."""
    best = np.full((photos, len(scores)), -np.inf, np.float32)
    np.maximum.at(best, photo, scores.T)
    return best.T
