"""Part and whole: which segment of a photo lies in which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.shares import cell_shares

GRID = 96
CONTAINMENT = 0.85
LARGER = 1.15


def rooted_parents(counts: Sequence[bytes], size: tuple[int, int]) -> NDArray[np.int64]:
    """Parents as by `part_whole_parents`; of all that have none, the mask that is the whole frame.

    So has `Segments.with_whole` it. Where several masks are the whole frame, the last is meant;
    where none is, nothing is changed.

    Args:
        counts: N COCO compressed run lengths.
        size: (height, width) of their frame, pixels.
    """
    whole = np.flatnonzero(rle.areas(counts, size) == size[0] * size[1])
    if not len(whole):
        return part_whole_parents(counts, size)
    root = int(whole[-1])
    others = np.delete(np.arange(len(counts)), root)
    found = part_whole_parents([counts[i] for i in others.tolist()], size)
    parents = np.full(len(counts), -1, np.int64)
    parents[others] = np.where(found < 0, root, others[found])
    return parents


def part_whole_parents(counts: Sequence[bytes], size: tuple[int, int]) -> NDArray[np.int64]:
    """Index of the smallest mask that contains each of N masks, or -1.

    A whole holds at least `CONTAINMENT` of its part's area and is at least `LARGER` times as
    large, so near-copies of one mask are siblings, and no cycle can arise. Measured on coverage
    maps of at most `GRID` cells a side: one matrix product for all pairs.

    Args:
        counts: N COCO compressed run lengths.
        size: (height, width) of their frame, pixels.
    """
    n = len(counts)
    if n < 2:
        return np.full(n, -1, np.int64)
    cover = cell_shares(counts, size, (min(GRID, size[0]), min(GRID, size[1]))).reshape(n, -1)
    area = cover.sum(axis=1)
    inside = (cover @ cover.T) / np.maximum(area[:, None], 1e-9)  # [part, whole]
    whole = (inside >= CONTAINMENT) & (area[None, :] >= LARGER * area[:, None])
    candidate = np.where(whole, area[None, :], np.inf)
    return np.where(whole.any(axis=1), candidate.argmin(axis=1), -1).astype(np.int64)
