"""Passed: the segments that a number of answers stand for, so that more may follow without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from searchengine.search.collapse import Answer, Scored


class PassedSegments:
    """Note of the segments that went into collapsing, in their order."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int]] = []

    def noting(self, portions: Iterable[Sequence[Scored]]) -> Iterator[Sequence[Scored]]:
        """The same portions; what is taken of them is noted."""
        for portion in portions:
            self._taken += [(segment.id, segment.photo_id) for segment, _ in portion]
            yield portion

    def by(self, answers: Sequence[Answer], k: int) -> NDArray[np.int64]:
        """Ids, int64 ascending, of the segments that need not follow k answers any more.

        All up to the last answer, and of those that were taken after it the ones that an answer
        stands for. Where there are fewer answers, all that were taken.

        Args:
            answers: answers that came of it, best first.
            k: answers that were asked for.
        """
        end = len(self._taken)
        if len(answers) >= k:
            last = answers[-1].scored
            end = 1 + next(i for i, (segment, _) in enumerate(self._taken) if segment == last)
        merged = {segment for answer in answers for segment in answer.merged}
        merged |= {answer.segment.id for answer in answers}
        alike = {photo for answer in answers for photo in answer.duplicates}
        later = {i for i, photo in self._taken[end:] if i in merged or photo in alike}
        return np.array(sorted({i for i, _ in self._taken[:end]} | later), np.int64)
