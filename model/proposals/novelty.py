"""Novelty: of masks that are proposed, the best distinct ones that nothing known equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.nms import greedy_nms
from model.masks.segments import Segments

EQUAL = 0.9  # IoU from which a mask is one that is known
ALIKE = 0.7  # IoU from which the better of two proposals is kept


def novel_segments(
    masks: NDArray[np.bool_],
    rank: NDArray[np.floating],
    quality: NDArray[np.floating],
    known: Segments,
    most: int,
) -> Segments:
    """Segments of the best masks, best first, without parents.

    Args:
        masks: N×H×W, in the frame of `known`; empty ones are left out.
        rank: N, by which masks are chosen.
        quality: N in [0, 1], see `Segments.quality`.
        known: segments of the photo.
        most: masks at most.
    """
    order = np.argsort(-np.asarray(rank), kind="stable")
    order = order[masks[order].any(axis=(1, 2))]
    if not len(order) or most < 1:
        return Segments.empty(known.size)
    counts = list(rle.encode(masks[order]))
    if len(known):
        equal = rle.iou(counts, known.counts, known.size).max(axis=1) >= EQUAL
        counts = [each for each, is_known in zip(counts, equal, strict=True) if not is_known]
        order = order[~equal]
    if not counts:
        return Segments.empty(known.size)
    alike = rle.iou(counts, counts, known.size) >= ALIKE
    kept = greedy_nms(alike, np.asarray(rank, np.float64)[order])[:most]
    return Segments.unrelated(
        known.size,
        [counts[i] for i in kept],
        np.clip(np.asarray(quality, np.float32)[order[kept]], 0, 1),
    )
