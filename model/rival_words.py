"""Rival words: what a question must beat on a segment before it is believed to show what was asked.

A segment that shows a leopard is like "giraffe", too, and a car's wheel like "roulette wheel": what
tells is that another word says better what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Kin = NDArray[np.int64]

NEAR = 0.6  # cosine of two words from which one is near the other
SAME = 0.95  # … and from which both are one
KNOWN = 0.9  # … and from which the kin of one are those of the other
SHARPNESS = 20.0


@dataclass(frozen=True, eq=False)
class RivalWords:
    """Words, and which of them are no rivals of each other.

    Attributes:
        texts: K×D float32 unit vectors.
        kin: L×2 int64, pairs of words of which one is a kind of the other, or that name the same.
    """

    texts: Floats
    kin: Kin

    def margins(
        self, query: Floats, matches: Floats
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """By how much a question beats its rivals on N segments, the best of these mostly.

        Args:
            query: D, a unit vector.
            matches: N×D unit vectors.

        Returns:
            N float64, over words that mean something else, the score itself where there are none;
            and N float64 that are never above 0, over near words that are no kin: a modifier that
            nobody sees leaves the noun's own kinds ahead.
        """
        score = (matches @ query).astype(np.float64)
        # the words once, for the question and the segments: few rows by many cost twice as much
        cosines = (self.texts @ np.concatenate([query[None], matches]).T).T
        alike = cosines[0]
        kin = self._related[alike >= KNOWN].any(axis=0)
        powers = np.exp(SHARPNESS * cosines[1:].astype(np.float64))
        others = (alike < NEAR) & ~kin
        near = (alike >= NEAR) & (alike < SAME) & ~kin
        return (
            score - _soft_best(powers, others) if others.any() else score,
            np.minimum(score - _soft_best(powers, near), 0) if near.any() else np.zeros(len(score)),
        )

    @cached_property
    def _related(self) -> NDArray[np.bool_]:
        """K×K, each word its own kin."""
        related = np.eye(len(self.texts), dtype=np.bool_)
        related[self.kin[:, 0], self.kin[:, 1]] = True
        return related | related.T


def require_kin(kin: Kin, words: int) -> None:
    """Raise ValueError where pairs are not of numbers of so many words."""
    if kin.ndim != 2 or kin.shape[1] != 2:
        raise ValueError(f"kin have shape {kin.shape}, expected L×2")
    if len(kin) and not 0 <= kin.min() <= kin.max() < words:
        raise ValueError(f"kin are of words that are not among the {words}")


def as_kin(pairs: Iterable[tuple[int, int]]) -> Kin:
    """Pairs of numbers, each once and the smaller first, as an array."""
    listed = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    return np.array(listed, np.int64).reshape(-1, 2)


def _soft_best(powers: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.log(powers @ chosen) / SHARPNESS, np.float64)
