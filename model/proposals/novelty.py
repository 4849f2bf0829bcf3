"""Novelty: of masks that are proposed, the best distinct ones that nothing known equals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.segments import Segments

EQUAL = 0.9  # IoU from which a mask is one that is known
ALIKE = 0.5  # IoU from which the better of two proposals is kept


def novel_segments(
    counts: Sequence[bytes],
    rank: NDArray[np.floating],
    quality: NDArray[np.floating],
    known: Segments,
    most: int,
    likeness: NDArray[np.floating] | None = None,
) -> Segments:
    """Segments of the best masks, best first, without parents.

    Args:
        counts: N COCO compressed run lengths in the frame of `known`; empty masks are left out.
        rank: N, by which masks are chosen.
        quality: N in [0, 1], see `Segments.quality`.
        known: segments of the photo.
        most: masks at most.
        likeness: N largest IoUs with what is known; None: not worked out yet.
    """
    size, chosen = known.size, list[int]()
    areas = rle.areas(counts, size)
    for number in np.argsort(-np.asarray(rank), kind="stable").tolist():
        if len(chosen) >= most:
            break
        mask, kept = [counts[number]], [counts[i] for i in chosen]
        if not areas[number]:
            continue
        if likeness is None:
            old = _overlaps(mask, known.counts, size, EQUAL)
        else:
            old = bool(likeness[number] >= EQUAL)
        if old:
            continue
        if not _overlaps(mask, kept, size, ALIKE):
            chosen.append(number)
    if not chosen:
        return Segments.empty(size)
    sure = np.clip(np.asarray(quality, np.float32)[chosen], 0, 1)
    return Segments.unrelated(size, [counts[i] for i in chosen], sure)


def _overlaps(
    mask: Sequence[bytes], others: Sequence[bytes], size: tuple[int, int], least: float
) -> bool:
    return bool(len(others)) and bool((rle.iou(mask, others, size) >= least).any())
