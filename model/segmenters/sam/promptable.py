"""Interface that a model must have to be asked for masks: for a grid of points, or one thing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.segmenters.sam.resize_maps import Frame

Pixels = NDArray[np.uint8]
Places = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prompts:
    """N prompts of one kind, all in the pixels of one frame.

    Attributes:
        points: N×K×2 float64 x, y; K may be 0 where there are boxes.
        inside: N×K bool, which points lie in the thing that is meant; the others lie beside it.
        boxes: N×4 float64 XYXY around the things, or None.
    """

    points: Places
    inside: NDArray[np.bool_]
    boxes: Places | None = None

    @classmethod
    def at(cls, points: Places) -> Prompts:
        """One prompt for each of N×2 points, which lies in what is meant."""
        return cls(points[:, None], np.ones((len(points), 1), np.bool_))

    def __len__(self) -> int:
        return len(self.points)

    def scaled(self, scale: Places) -> Prompts:
        """These prompts in a frame whose pixels are 1 / `scale` (x, y) as large."""
        boxes = None if self.boxes is None else self.boxes * np.tile(scale, 2)
        return Prompts(self.points * scale, self.inside, boxes)


class Promptable(ABC):
    """A network that answers prompts in a photo with some masks and their estimated IoUs.

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
    def ask(self, prompts: Prompts, several: bool | None) -> Answers:
        """Answers of the model to N prompts in pixels of the photo, each by itself.

        Args:
            prompts: points and boxes.
            several: whether each gets the model's hypotheses (part, thing, whole) or the single
                mask of a prompt that can mean only one thing; None: all of these, the single one
                first.
        """

    def answer(self, points: Places) -> Answers:
        """Hypotheses of the model for N×2 points (x, y) in pixels of the photo."""
        return self.ask(Prompts.at(points), several=True)


class Answers(ABC):
    """Answers of a model to N prompts.

    Attributes:
        quality: N×M float32 estimated IoUs of each prompt's masks.
    """

    quality: Tensor

    @abstractmethod
    def masks(self, rows: Tensor) -> Tensor:
        """R×M×h×w float32 logits for some of the prompts: the cells that the frame reads.

        Args:
            rows: R int64, numbers of prompts.
        """
