"""Interface that a model must have for masks to be generated from a grid of points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.segmenters.sam.resize_maps import Frame

Pixels = NDArray[np.uint8]


class Promptable(ABC):
    """A network that answers a point in a photo with some masks and their estimated IoUs.

    Attributes:
        threshold: logits above it are the mask.
        device: device that it runs on.
        batch: points that it answers most quickly at a time.
    """

    threshold: float = 0.0
    device: torch.device
    batch: int = 64

    @abstractmethod
    def look(self, photos: Sequence[Pixels]) -> list[View]:
        """Photos (H×W×3 uint8, sRGB) as their points will see them."""


class View(ABC):
    """One photo, looked at.

    Attributes:
        frame: map from the frame's pixels to the cells of masks they read.
        runs_ahead: whether `answer` returns before its work is done, as it does on a GPU.
    """

    frame: Frame
    runs_ahead: bool = False

    @abstractmethod
    def answer(self, points: NDArray[np.float64]) -> Answers:
        """Answers of the model to N×2 points (x, y) in pixels of the photo, each by itself."""


class Answers(ABC):
    """Answers of a model to N points.

    Attributes:
        quality: N×M float32 estimated IoUs of each point's masks.
    """

    quality: Tensor

    @abstractmethod
    def masks(self, rows: Tensor) -> Tensor:
        """R×M×h×w float32 logits for some of the points: the cells that the frame reads.

        Args:
            rows: R int64, numbers of points.
        """
