"""Evidence of looks: colour, pattern, material and place are seen, or not seen, as a question asks.

Vectors may have components of looks beside those of meaning, of the same length in every segment.
A red car door is a car door, and it is red: what is meant is judged by meaning alone, and each
look that is asked for is one more thing that has to be true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.quantiles import quantile

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

    def each(self, rows: Floats) -> list[Floats]:
        """Rows of all looks as those of each look, N×part, of length 1; zeros stay zeros."""
        found = []
        for part in self._parts():
            lengths = np.maximum(np.linalg.norm(rows[:, part], axis=1, keepdims=True), 1e-9)
            found.append(np.asarray(rows[:, part] / lengths, np.float32))
        return found

    def shares(
        self, query: Floats, matches: Floats, background: Sequence[Floats], meant: float
    ) -> NDArray[np.float64]:
        """N float64 in [0, 1], what confidences are multiplied by; 1 where no look is asked for.

        Args:
            query: looks of the composed query vector.
            matches: N rows, looks of the segments that were found.
            background: G rows of each look, as `each` gives those of the background.
            meant: length of the query's meaning.
        """
        left = np.ones(len(matches), np.float64)
        for part, best in zip(self._parts(), background, strict=True):
            length = float(np.linalg.norm(query[part]))
            weight = min(length / max(self.asked * meant, 1e-9), 1.0)
            if weight < 1e-3:
                continue
            asked = query[part] / length
            attained = float(quantile(np.sort(best @ asked)[None], TOP)[0])
            if attained <= 0:  # what nothing comes near to is asked not to be there
                continue
            lengths = np.maximum(np.linalg.norm(matches[:, part], axis=1), 1e-9)
            seen = (matches[:, part] @ asked).astype(np.float64) / lengths / attained
            left *= (1 / (1 + np.exp(-self.sharpness * (seen - self.least)))) ** weight
        return left

    def _parts(self) -> Iterator[slice]:
        start = 0
        for size in self.parts:
            yield slice(start, start + size)
            start += size
