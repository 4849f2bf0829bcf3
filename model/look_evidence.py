"""Evidence of looks: colour, pattern, material and place are seen, or not seen, as a question asks.

Vectors may have components of looks beside those of meaning, of the same length in every segment.
A red car door is a car door, and it is red: what is meant is judged by meaning alone, and each
look that is asked for is one more thing that has to be true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TOP = 0.99  # quantile of the background's cosines that a look attains where it is plain to see


@dataclass(frozen=True)
class LookEvidence:
    """Rule by which looks that are asked for make a confidence less.

    How near a segment can come to what is asked for differs: all that is leather is nearer to
    "leather" than what is small to "small". So each cosine counts as a share of what the
    background's best attain.

    Attributes:
        parts: number of components of each look, in their order.
        asked: length of a text's part of a look that it asks for, for one of its meaning.
        least: share of what the best attain from which a look is likelier there than not.
        sharpness: logits for each such share.
    """

    parts: tuple[int, ...]
    asked: float = 1.25
    least: float = 0.5
    sharpness: float = 10.0

    @property
    def dimension(self) -> int:
        """Number of components of all looks."""
        return sum(self.parts)

    def shares(
        self, query: Floats, matches: Floats, background: Floats, meant: float
    ) -> NDArray[np.float64]:
        """N float64 in [0, 1], what confidences are multiplied by; 1 where no look is asked for.

        Args:
            query: looks of the composed query vector.
            matches: N rows, looks of the segments that were found.
            background: G rows, looks of the background.
            meant: length of the query's meaning.
        """
        left = np.ones(len(matches), np.float64)
        for part in self._parts():
            length = float(np.linalg.norm(query[part]))
            weight = min(length / max(self.asked * meant, 1e-9), 1.0)
            if weight < 1e-3:
                continue
            attained = float(np.quantile(_cosines(background[:, part], query[part]), TOP))
            if attained <= 0:  # what nothing comes near to is asked not to be there
                continue
            seen = _cosines(matches[:, part], query[part]) / attained
            left *= (1 / (1 + np.exp(-self.sharpness * (seen - self.least)))) ** weight
        return left

    def _parts(self) -> Iterator[slice]:
        start = 0
        for size in self.parts:
            yield slice(start, start + size)
            start += size


def _cosines(rows: Floats, query: Floats) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
    return np.asarray((rows @ query) / np.maximum(lengths, 1e-9), np.float64)
