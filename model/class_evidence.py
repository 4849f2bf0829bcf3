"""Evidence of classes: a classifier sees, or does not see, what a question names.

Vectors may end with components that tell as which class a segment is seen, and which ones a text
asks for. Confidence is judged by what comes before them; what they tell moves it then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ClassEvidence:
    """Rule by which seen classes move a confidence.

    Where the classifier is likelier wrong than sure, as of a small mask, it sees some class all
    the same, and of a look-alike the class that is asked for: so what it does not see lowers a
    confidence by much, and what it sees raises it by no more than `most`.

    Attributes:
        asked: length of a text's part for one of all before it, where classes cover it wholly.
        least: cosine of the two parts from which a class counts as seen.
        sharpness: logits for each part of a cosine below or above that.
        most: logits at the most that a class that is seen adds.
    """

    asked: float = 3.0
    least: float = 0.6
    sharpness: float = 12.0
    most: float = 0.0

    def logits(self, query: Floats, matches: Floats, judged: int) -> NDArray[np.float64]:
        """N float64, to be added to the logits of confidences; 0 where no class is asked for.

        Args:
            query: D, the composed query vector.
            matches: N×D, vectors of the segments that were found.
            judged: number of components before those of classes.
        """
        before = float(np.linalg.norm(query[:judged]))
        named = float(np.linalg.norm(query[judged:]))
        coverage = min(named / max(self.asked * before, 1e-9), 1.0)
        lengths = np.linalg.norm(matches[:, judged:], axis=1) * named
        seen = (matches[:, judged:] @ query[judged:]) / np.maximum(lengths, 1e-9)
        told = np.minimum(self.sharpness * (seen - self.least), self.most)
        # of a light on a car the classes' spotlights tell nearly nothing
        return np.asarray(coverage**2 * told, np.float64)
