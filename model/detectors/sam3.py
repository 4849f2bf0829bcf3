"""SAM 3: all instances of a concept that a short phrase names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.detectors.published import PublishedDetector
from model.photos.images import Image

CONCEPT_SCORE = 0.3  # as its authors have it


class Sam3(PublishedDetector):
    """SAM 3 (Carion et al., arXiv 2511.16719): the photo is seen once, and each phrase decoded.

    Args:
        model: transformers' `Sam3Model`.
        processor: its `Sam3Processor`.
        least: score that is too low for an instance.
    """

    name = "sam3"
    LEAST = CONCEPT_SCORE

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        from transformers import Sam3Model, Sam3Processor

        return Sam3Model, Sam3Processor

    @torch.inference_mode()
    def instances(self, image: Image, text: str) -> Any:
        """transformers' `Sam3ImageSegmentationOutput` for one phrase."""
        (answer,) = self._answers(image, [text])
        return answer

    def _passes(
        self, image: Image, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
        for text, answer in zip(texts, self._answers(image, texts), strict=True):
            yield [text], answer.pred_boxes[0], concept_scores(answer)[None]

    def _answers(self, image: Image, texts: Sequence[str]) -> Iterator[Any]:
        seen = self.model.get_vision_features(pixel_values=self._pixels(image)["pixel_values"])
        longest = self.model.config.text_config.max_position_embeddings
        for text in texts:
            tokens = self._tokens([text], longest)
            yield self.model(
                vision_embeds=seen,
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
            )


def concept_scores(answer: Any) -> Tensor:
    """Q scores of the instances of one phrase: an instance counts as far as the concept is in the
    photo at all (the presence head)."""
    scores: Tensor = answer.pred_logits[0].sigmoid() * answer.presence_logits[0].sigmoid()
    return scores
