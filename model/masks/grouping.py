"""Rules for two masks of one photo that are one answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAME = 0.5  # IoU from which two masks are of one thing
INSIDE = 0.8  # share of the smaller one inside the larger from which they may be
NOTICED = 0.1  # IoU from which a proposed mask and a region have to do with each other …
NOTICED_INSIDE = 0.3  # … or share of the proposed mask that lies inside the region
ALIKE = 0.9  # share of the better one's score that such a pair must have in common

Numbers = NDArray[np.floating] | NDArray[np.integer] | np.floating | np.integer
Bools = NDArray[np.bool_]


def same_object(iou: Numbers, areas: Numbers, others: Numbers) -> tuple[Bools, Bools]:
    """Whether masks and others are one thing whatever they score, and whether they are if the
    worse one scores nearly as well (`nearly`).

    Args:
        iou: IoU of the pairs, in any shape.
        areas, others: pixels of each of the two, in shapes that fit `iou`'s.
    """
    both = np.rint(iou * (areas + others) / (1 + iou))  # pixels: a share of just `INSIDE` counts
    inside = both / np.maximum(np.minimum(areas, others), 1)
    return np.asarray(iou >= SAME), np.asarray(inside >= INSIDE)


def nearly(score: Numbers, better: Numbers) -> NDArray[np.bool_]:
    """Whether the scores of nested masks are so near that both answer for the same reason."""
    return np.asarray(score >= ALIKE * better)


def suppress_duplicates(
    scores: NDArray[np.floating],
    iou: NDArray[np.floating],
    areas: NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Q×N: which of a photo's N masks answer each of Q queries, all others being stood for.

    Best first, a mask is an answer unless it is one with an answer before it.

    Args:
        scores: Q×N.
        iou: N×N, of the masks with each other.
        areas: N, pixels.
    """
    same, nested = same_object(iou, areas[:, None], areas[None, :])
    order = np.argsort(-scores, axis=1, kind="stable")
    kept = np.zeros(scores.shape, np.bool_)
    every = np.arange(len(scores))
    for mask in order.T:
        own = scores[every, mask][:, None]
        stood_for = kept & (same[mask] | (nested[mask] & nearly(own, scores)))
        kept[every, mask] = ~stood_for.any(axis=1)
    return kept
