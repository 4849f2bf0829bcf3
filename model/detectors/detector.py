"""Interface of what finds texts in a photo, and of what is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.photos.images import Image


@dataclass(frozen=True, eq=False)
class Detections:
    """Places where one text is seen, the surest first.

    Attributes:
        boxes: K×4 float32, XYXY as shares of the photo's width and height, in [0, 1]; none is
            empty.
        scores: K float32 in [0, 1], falling.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    @classmethod
    def above(
        cls, boxes: NDArray[np.float32], scores: NDArray[np.float32], least: float
    ) -> Detections:
        """Those of a detector's boxes that score more than `least`, cut to the photo.

        Args:
            boxes: Q×4 float32, XYXY as shares of the photo's width and height, wherever they lie.
            scores: Q float32.
            least: score that is too low.
        """
        inside = np.clip(boxes, 0, 1)
        there = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
        chosen = np.flatnonzero((scores > least) & there & np.isfinite(boxes).all(axis=1))
        order = chosen[np.argsort(-scores[chosen], kind="stable")]
        return cls(inside[order], scores[order])

    @classmethod
    def none(cls) -> Detections:
        """No place at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.scores)


class Detector(ABC):
    """Finds where in a photo texts are seen.

    Attributes:
        name: name for people.
    """

    name: str

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of all that decides which boxes are found: weights and settings."""

    @abstractmethod
    def detect(self, image: Image, texts: Sequence[str]) -> list[Detections]:
        """Places of each text, in the order of the texts; of an empty text none.

        Args:
            image: the photo.
            texts: short noun phrases; each is looked for by itself.
        """
