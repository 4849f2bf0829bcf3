"""OmDet-Turbo: a quick open-vocabulary detector that is told a task and its classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.detectors.phrase_prompt import batches
from model.detectors.published import PublishedDetector, corners
from model.photos.images import Image

TASK = "Detect {}."
LONGEST = 77  # tokens of a task
_AROUND = 4  # of these, those of an empty task


class OmDetTurbo(PublishedDetector):
    """OmDet-Turbo (Zhao et al., arXiv 2403.06892).

    The task names all texts that are looked for; where it would be cut, there are several passes.

    Args:
        model: transformers' `OmDetTurboForObjectDetection`.
        processor: its `OmDetTurboProcessor`.
        least: score that is too low for a box.
    """

    name = "omdet-turbo"

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        from transformers import OmDetTurboForObjectDetection, OmDetTurboProcessor

        return OmDetTurboForObjectDetection, OmDetTurboProcessor

    def _passes(
        self, image: Image, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
        pixels = self._pixels(image)["pixel_values"]
        read = self.processor.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        for numbers in batches([len(tokens) + 1 for tokens in read], LONGEST - _AROUND):
            some = [texts[number] for number in numbers]
            classes = self._tokens(some, LONGEST)
            task = self._tokens([TASK.format(", ".join(some))], LONGEST)
            answer = self.model(
                pixel_values=pixels,
                classes_input_ids=classes["input_ids"],
                classes_attention_mask=classes["attention_mask"],
                tasks_input_ids=task["input_ids"],
                tasks_attention_mask=task["attention_mask"],
                classes_structure=torch.tensor([len(some)], device=self.model.device),
            )
            scores = answer.decoder_class_logits[0].sigmoid().T
            yield some, corners(answer.decoder_coord_logits[0]), scores
