"""Wholes of parts: which segment of a photo each is part of, once more of them are added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.records import SegmentRow
from model.masks.hierarchy import rooted_parents
from model.masks.segments import Segments


def parents_with(held: Sequence[SegmentRow], added: Segments) -> list[int | None]:
    """Ordinal of each segment's parent, those that are added last.

    Only what has to do with an added one is found anew.
    """
    frames = {row.frame for row in held} - {added.size}
    if frames:
        raise ValueError(f"segments are in a frame of {added.size}, the photo's in {frames.pop()}")
    counts = [*(row.counts for row in held), *added.counts]
    found: NDArray[np.int64] = rooted_parents(counts, added.size)
    known = [-1 if row.parent_id is None else row.parent_id - held[0].id for row in held]
    kept = np.array([*known, *found[len(held) :].tolist()], np.int64)
    parents = np.where(found >= len(held), found, kept)
    return [None if parent < 0 else parent for parent in parents.tolist()]
