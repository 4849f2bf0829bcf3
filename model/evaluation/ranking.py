"""Measures of ranked answers: average precision, precision and success among the first k.

All take Q queries over M candidates. What cannot be judged counts neither as right nor as wrong,
as if it were not among the answers. A query without a right candidate has no figure: NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Ranking:
    """The answers to Q queries, best first.

    Args:
        scores: Q×M, higher is better; equal ones rank in the order given.
        judged: Q×M bool, which candidates can be judged; all by default.
    """

    def __init__(self, scores: NDArray[np.floating], judged: Bools | None = None) -> None:
        self._order = np.argsort(-scores, axis=1, kind="stable")
        self._judged = np.ones(scores.shape, np.bool_) if judged is None else judged

    def average_precision(
        self, relevant: Bools, ignored: Bools | None = None, total: NDArray[np.int64] | None = None
    ) -> Floats:
        """Q means, over the relevant candidates, of the precision down to each.

        Args:
            relevant: Q×M bool.
            ignored: Q×M bool, candidates left out besides those that cannot be judged.
            total: Q, how many relevant ones there are, where some are no candidates: those
                count as found never; by default those among the candidates.
        """
        hits, rank = self._ranked(relevant, ignored)
        precision = np.divide(np.cumsum(hits, axis=1), rank, where=hits, out=np.zeros(hits.shape))
        found = hits.sum(axis=1) if total is None else total
        return _ratio(precision.sum(axis=1), found)

    def precision(
        self,
        relevant: Bools,
        k: int,
        ignored: Bools | None = None,
        total: NDArray[np.int64] | None = None,
    ) -> Floats:
        """Q shares of relevant ones among the first k; where there are fewer than k relevant
        ones, among as many as there are. Arguments as above."""
        hits, rank = self._ranked(relevant, ignored)
        best = np.minimum(hits.sum(axis=1) if total is None else total, k)
        return _ratio((hits & (rank <= k)).sum(axis=1), best)

    def success(
        self,
        relevant: Bools,
        k: int,
        ignored: Bools | None = None,
        total: NDArray[np.int64] | None = None,
    ) -> Floats:
        """Q times 1 or 0: whether one of the first k is relevant (R@k). Arguments as above."""
        hits, rank = self._ranked(relevant, ignored)
        found = (hits & (rank <= k)).any(axis=1)
        exists = hits.any(axis=1) if total is None else total > 0
        return np.where(exists, found.astype(np.float64), np.nan)

    def candidates(self, ignored: Bools | None = None) -> NDArray[np.int64]:
        """Q numbers of candidates that count."""
        counted = self._judged if ignored is None else self._judged & ~ignored
        return np.asarray(counted.sum(axis=1), np.int64)

    def _ranked(self, relevant: Bools, ignored: Bools | None) -> tuple[Bools, NDArray[np.int64]]:
        """Whether each answer, in order, is a hit, and the rank of each among those counted."""
        counted = self._judged if ignored is None else self._judged & ~ignored
        counted = np.take_along_axis(counted, self._order, axis=1)
        hits = np.take_along_axis(relevant, self._order, axis=1) & counted
        return hits, np.cumsum(counted, axis=1)


def chance_average_precision(relevant: int, candidates: int, total: int) -> float:
    """Average precision that a random order reaches on average.

    Args:
        relevant: number of relevant candidates.
        candidates: number of candidates.
        total: number of relevant things, including those that are no candidates.

    Returns:
        The mean over all orders; NaN without anything relevant.
    """
    if not total:
        return math.nan
    if not relevant:
        return 0.0
    harmonic = float((1 / np.arange(1, candidates + 1)).sum())
    others = (relevant - 1) / max(candidates - 1, 1)
    return (harmonic + others * (candidates - harmonic)) / candidates * relevant / total


def chance_precision(relevant: int, candidates: int, total: int, k: int) -> float:
    """Mean of `Ranking.precision` over all orders; NaN without anything relevant."""
    if not total:
        return math.nan
    return min(k, candidates) * relevant / max(candidates, 1) / min(total, k)


def chance_success(relevant: int, candidates: int, total: int, k: int) -> float:
    """Mean of `Ranking.success` over all orders; NaN without anything relevant."""
    if not total:
        return math.nan
    drawn = min(k, candidates)
    return 1 - math.comb(candidates - relevant, drawn) / math.comb(candidates, drawn)


def best_of_groups(
    scores: NDArray[np.float32], group: NDArray[np.int64], groups: int
) -> NDArray[np.float32]:
    """Q×groups: of each group of the Q×M scores the highest; -inf of an empty one.

    Args:
        scores: Q×M.
        group: M, the number of each candidate's group (as of its photo).
        groups: number of groups.
    """
    best = np.full((groups, len(scores)), -np.inf, np.float32)
    order = np.argsort(group, kind="stable")
    numbers, first = np.unique(group[order], return_index=True)
    if len(numbers):
        best[numbers] = np.maximum.reduceat(scores.T[order], first, axis=0)
    return best.T


def mean(figures: NDArray[np.floating]) -> float | None:
    """The mean of those that are figures; None where none is."""
    real = figures[~np.isnan(figures)]
    return float(real.mean()) if len(real) else None


def _ratio(part: NDArray[np.generic], whole: NDArray[np.generic]) -> Floats:
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result
