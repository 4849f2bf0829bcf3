"""Points asked of a model, batch after batch, and what of its answers is worth keeping.

A batch that does not fit the memory is asked again in halves. On a GPU nothing waits that need
not: once a batch is judged, the next one is queued, and while that is computed the masks of the
last one are copied and cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from model.segmenters.sam.generation.candidates import Candidate, ScoredMasks
from model.segmenters.sam.generation.grid import Points
from model.segmenters.sam.generation.upsampling import Thresholds
from model.segmenters.sam.promptable import Answers, View

_LACK = ("can't allocate memory", "not enough memory", "out of memory")


@dataclass(frozen=True)
class Wanted:
    """Conditions for a mask to be kept.

    Attributes:
        quality: only those whose estimated IoU exceeds it; 0 or less: all.
        stable: the least stability; 0 or less: any.
        thresholds: logits at which masks are cut.
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
        wanted: numbers of the masks that are wanted.

    Raises:
        MemoryError, torch.OutOfMemoryError: a single point needs more memory than there is.
    """
    start, ahead = 0, None
    while start < len(points):
        try:
            some = points[start : start + batch]
            answers = ahead or view.answer(some)
            judged = _judged(view, some, start, answers, wanted)
            following = points[start + len(some) :][:batch]
            ahead = view.answer(following) if view.runs_ahead and len(following) else None
            found = list(judged.candidates()) if judged else []
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error) or batch == 1:
                raise
            batch, ahead = batch // 2, None
            continue
        start += len(some)
        yield found


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory, of the CPU or of the GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _LACK)


def _judged(
    view: View, points: Points, first: int, answers: Answers, wanted: Wanted
) -> ScoredMasks | None:
    """The masks of some points whose quality is enough, drawn and judged; None without any."""
    quality = answers.quality
    good = torch.ones_like(quality, dtype=torch.bool)
    if wanted.quality > 0:
        good = quality > wanted.quality
    rows = torch.nonzero(good.any(dim=1))[:, 0]
    if not len(rows):
        return None
    per_point = quality.shape[1]
    places = np.flatnonzero(good.cpu().numpy())
    return ScoredMasks(
        answers.masks(rows)[good[rows]],
        quality[good],
        points[places // per_point],
        first * per_point + places,
        view.frame,
        wanted.thresholds,
        wanted.stable,
    )
