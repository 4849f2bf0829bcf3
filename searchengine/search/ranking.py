"""Ranking: all that a query's conditions allow, best first, as numbers.

What a search answers goes through the whole cascade; thousands of places behind nobody looks for
what collapses with what. There the order is that of the vectors alone, and a confidence is told
where somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.index import Index
from indexer.vectors.exact_search import contains
from searchengine.matches.matches import Matches
from searchengine.search.stage_times import timed

JUDGED_AT_ONCE = 1024
MOST_JUDGED = 100_000
"""Segments whose confidences are told to find where they fall below a limit."""
Floats = NDArray[np.float32]
Judge = Callable[[Floats, Floats], Floats]
"""(D question, N×D segments) → N confidences."""


class Vectors(Protocol):
    """Whoever knows the segments' vectors: a catalog."""

    def vectors_of(self, segment_ids: NDArray[np.int64]) -> Floats:
        """n×D, in the order asked; QueryError where one is not there."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Order of all segments that a query's conditions allow.

    Attributes:
        ids: n int64, segment ids, best first.
        scores: n float32; from `answers` on those of the vectors alone, never rising.
        answers: number of the query's own matches, which come first.
        confidences: confidences of these matches, float32; nan where they have none.
        question: D float32, the query as a vector.
        judge: rule for the confidences of what follows; None where there is none.
    """

    ids: NDArray[np.int64]
    scores: Floats
    answers: int
    confidences: Floats
    question: Floats
    judge: Judge | None

    def __len__(self) -> int:
        return len(self.ids)

    def judged(self, start: int, end: int, vectors: Vectors) -> Floats:
        """Confidences of the places from `start` to before `end`, float32; nan without a rule.

        Never above that of the last of the query's own matches, nor of one before among these.

        Raises:
            QueryError: one of the segments is no longer there.
        """
        end = min(end, len(self))
        own = self.confidences[start:end]
        first = max(start, self.answers)
        if first >= end:
            return own
        if self.judge is None:
            rest = np.full(end - first, np.nan, np.float32)
        else:
            found = self.judge(self.question, vectors.vectors_of(self.ids[first:end]))
            most = float(self.confidences[-1]) if self.answers else 1.0
            rest = np.minimum.accumulate(np.minimum(found, np.float32(most)))
        return np.concatenate([own, rest])

    def judged_down_to(self, least: float, vectors: Vectors) -> Iterator[Floats]:
        """Confidences from the first place on, some at a time, to the last that is not below
        `least`; no more than `MOST_JUDGED`, and none where there is no rule."""
        if self.judge is None:
            return
        lowest = 1.0
        for start in range(0, min(len(self), MOST_JUDGED), JUDGED_AT_ONCE):
            some = np.minimum(self.judged(start, start + JUDGED_AT_ONCE, vectors), lowest)
            enough = some[some >= least]
            yield enough
            if len(enough) < len(some):
                return
            lowest = float(some[-1])


@timed("rank")
def ranking_of(matches: Matches, question: Floats, index: Index, judge: Judge | None) -> Ranking:
    """The matches of a query, and behind them all that they do not stand for.

    Args:
        matches: answer to a query.
        question: D float32, that query as a vector.
        index: index that answered.
        judge: rule for confidences; None where there is none.
    """
    assert matches.asked is not None
    assert matches.passed is not None
    ids, scores = index.vectors.ranked(question, matches.asked.where)
    rest = ~contains(matches.passed, ids)
    confidences = [np.nan if m.confidence is None else m.confidence for m in matches]
    return Ranking(
        np.concatenate([np.array([match.segment_id for match in matches], np.int64), ids[rest]]),
        np.concatenate([np.array([match.score for match in matches], np.float32), scores[rest]]),
        len(matches),
        np.array(confidences, np.float32),
        question,
        judge,
    )
