"""What a model said, kept: so that only what is done with it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn import functional

from model.segmenters.sam.generation.grid import point_grid
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.promptable import Answers, Pixels, Promptable, Prompts, View
from model.segmenters.sam.resize_maps import Frame


class StoredAnswers(Answers):
    def __init__(self, quality: Tensor, logits: Tensor, frame: Frame) -> None:
        self.quality, self.logits, self.frame = quality, logits, frame

    def masks(self, rows: Tensor) -> Tensor:
        return self.logits[rows]

    def part(self, start: int, count: int) -> StoredAnswers:
        some = slice(start, start + count)
        return StoredAnswers(self.quality[some], self.logits[some], self.frame)


def stored(model: FoldedSam, photo: Pixels, per_side: int) -> StoredAnswers:
    """All that a model says to a grid of points."""
    (view,) = model.look([photo])
    points = point_grid(per_side) * np.array(photo.shape[:2])[::-1]
    parts = []
    for start in range(0, len(points), 16):
        answers = view.answer(points[start : start + 16])
        rows = torch.arange(len(answers.quality))
        parts.append((answers.quality, answers.masks(rows)))
    quality, logits = (torch.cat(part) for part in zip(*parts, strict=True))
    return StoredAnswers(quality, logits, view.frame)


class _Stored(View):
    def __init__(self, answers: StoredAnswers) -> None:
        self.frame, self._answers, self._next = answers.frame, answers, 0

    def ask(self, prompts: Prompts, several: bool) -> Answers:
        self._next += len(prompts)
        return self._answers.part(self._next - len(prompts), len(prompts))


class StoredModel(Promptable):
    """Answers a grid of points as before."""

    def __init__(self, answers: StoredAnswers) -> None:
        self.device = torch.device("cpu")
        self._answers = answers

    def look(self, photos: Sequence[Pixels]) -> list[View]:
        return [_Stored(self._answers) for _ in photos]


class Seen(Promptable):
    """A model that has seen its photo already."""

    def __init__(self, model: FoldedSam, photo: Pixels) -> None:
        self.device, self.batch, self.threshold = model.device, model.batch, model.threshold
        self._views = model.look([photo])

    def look(self, photos: Sequence[Pixels]) -> list[View]:
        return self._views


class StoredPredictor(SamPredictor):
    """segment-anything's predictor with its network left out; its enlarging is its own."""

    def __init__(self, sam: Sam, answers: StoredAnswers) -> None:
        super().__init__(sam)
        self._answers = answers
        self._next = 0

    def set_image(self, image: Pixels, image_format: str = "RGB") -> None:
        self.original_size = image.shape[:2]
        self.input_size = self.transform.get_preprocess_shape(
            *self.original_size, self.transform.target_length
        )
        self.is_image_set = True

    def predict_torch(self, points: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor, Tensor]:
        answers = self._answers.part(self._next, len(points))
        self._next += len(points)
        cells = self.model.image_encoder.img_size // 4
        rows, columns = answers.logits.shape[2:]
        padding = (0, cells - columns, 0, cells - rows)
        low = functional.pad(answers.logits, padding, mode="replicate")
        enlarged = self.model.postprocess_masks(low, self.input_size, self.original_size)
        return enlarged, answers.quality, low
