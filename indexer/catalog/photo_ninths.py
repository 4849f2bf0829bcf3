"""Ninths of a photo, three rows by three columns: where in it the middle of a segment lies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.errors import QueryError, shown

ROWS = ("top", "middle", "bottom")
COLUMNS = ("left", "centre", "right")
NINTHS = tuple(f"{down} {across}" for down in ROWS for across in COLUMNS)
"""Names of the ninths, row by row."""


def ninths_of(centres: NDArray[np.float32]) -> NDArray[np.int8]:
    """N int8: the place in `NINTHS` of each middle.

    Args:
        centres: N×2, x and y as shares of the photo's width and height.
    """
    thirds = np.clip((centres * 3).astype(np.int8), 0, 2)
    return np.asarray(3 * thirds[:, 1] + thirds[:, 0], np.int8)


def ninths_named(names: Iterable[str]) -> frozenset[int]:
    """Places in `NINTHS` of all that some names mean: a ninth, or a row or a column of them.

    Raises:
        QueryError: a name means none.
    """
    return frozenset().union(*(_named(name) for name in names))


def _named(name: str) -> frozenset[int]:
    words = name.lower().split()
    down, across = [w for w in words if w in ROWS], [w for w in words if w in COLUMNS]
    if not words or len(words) != len(down) + len(across) or max(len(down), len(across)) > 1:
        raise QueryError(
            f"'{shown(name)}' is no place in a photo",
            f"give {', '.join(ROWS)}, {', '.join(COLUMNS)}, or two of them as 'top left'",
        )
    return frozenset(
        place for place, ninth in enumerate(NINTHS) if set(words) <= set(ninth.split())
    )
