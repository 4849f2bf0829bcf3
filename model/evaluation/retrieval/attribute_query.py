"""Queries of a phrase and a word: "red door", "door on the left"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Qualified:
    """A phrase and a word that some of the segments that it names deserve.

    Attributes:
        word: attribute that sets the right ones apart, as "red".
        phrase: name that all of them share, as "car door".
        text: the words of the query.
        rows: numbers of the segments that are judged.
        right: bool for each row, whether it has the attribute.
    """

    word: str
    phrase: str
    text: str
    rows: NDArray[np.int64]
    right: NDArray[np.bool_]
