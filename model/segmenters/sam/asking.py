"""Points asked of a model, batch after batch, and what of its answers is worth keeping.

A batch that does not fit the memory is asked again in halves. On a GPU the next batch is under way
while the last one is being judged: its work is queued before anything waits for results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from model.segmenters.sam.candidates import Candidate, candidates
from model.segmenters.sam.enlarging import Thresholds
from model.segmenters.sam.grid import Points
from model.segmenters.sam.promptable import Answers, View

_LACK = ("can't allocate memory", "not enough memory", "out of memory")


@dataclass(frozen=True)
class Wanted:
    """Which masks may be kept.

    Attributes:
        quality: only those whose estimated IoU exceeds it; 0 or less: all.
        stable: the least stability; 0 or less: any.
        thresholds: where logits are cut.
    """

    quality: float
    stable: float
    thresholds: Thresholds


def asked(view: View, points: Points, batch: int, wanted: Wanted) -> Iterator[list[Candidate]]:
    """Candidates that a model gives for N×2 points, by batches.

    Args:
        view: the photo, looked at.
        points: pixels of the view's frame.
        batch: points at a time; halved for good whenever the memory does not suffice.
        wanted: which masks.

    Raises:
        MemoryError, torch.OutOfMemoryError: a single point needs more memory than there is.
    """
    queue = _Queue(view, points, batch)
    while queue:
        try:
            start, count, answers = queue.next()
            found = _worth_keeping(view, points[start : start + count], start, answers, wanted)
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error) or queue.batch == 1:
                raise
            queue.halve()
            continue
        queue.done(count)
        yield found


class _Queue:
    """Batches of points; on a GPU one of them is asked ahead."""

    def __init__(self, view: View, points: Points, batch: int) -> None:
        self.batch = batch
        self._view = view
        self._points = points
        self._start = 0
        self._ahead: dict[int, tuple[int, Answers]] = {}

    def __bool__(self) -> bool:
        return self._start < len(self._points)

    def next(self) -> tuple[int, int, Answers]:
        """Number of the first point of the batch, how many they are, and the answers."""
        count, answers = self._ask(self._start)
        if self._view.runs_ahead and self._start + count < len(self._points):
            self._ask(self._start + count)
        return self._start, count, answers

    def done(self, count: int) -> None:
        """The batch that was asked last is dealt with."""
        self._ahead.pop(self._start)
        self._start += count

    def halve(self) -> None:
        """Ask again, half as many at a time."""
        self.batch //= 2
        self._ahead.clear()

    def _ask(self, start: int) -> tuple[int, Answers]:
        if start not in self._ahead:
            some = self._points[start : start + self.batch]
            self._ahead[start] = len(some), self._view.answer(some)
        return self._ahead[start]


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory, of the CPU or of the GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _LACK)


def _worth_keeping(
    view: View, points: Points, first: int, answers: Answers, wanted: Wanted
) -> list[Candidate]:
    """Of the masks of some points, those of enough quality that may be stable."""
    quality = answers.quality
    good = torch.ones_like(quality, dtype=torch.bool)
    if wanted.quality > 0:
        good = quality > wanted.quality
    rows = torch.nonzero(good.any(dim=1))[:, 0]
    if not len(rows):
        return []
    per_point = quality.shape[1]
    places = np.flatnonzero(good.cpu().numpy())
    return list(
        candidates(
            answers.masks(rows)[good[rows]],
            quality[good].cpu().numpy(),
            points[places // per_point],
            first * per_point + places,
            view.frame,
            wanted.thresholds,
            wanted.stable,
        )
    )
