"""Grounding DINO and MM-Grounding-DINO: boxes for the phrases of a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from model.detectors.phrase_prompt import one_phrase, phrase_scores, prompts
from model.detectors.published import PublishedDetector, corners
from model.photos.images import Image
from model.weights.transformers_folder import read_config

LONGEST = 256  # tokens of a prompt
MM = "mm-grounding-dino"  # model_type of MM-Grounding-DINO


class GroundingDino(PublishedDetector):
    """Grounding DINO (arXiv 2303.05499) or MM-Grounding-DINO (arXiv 2401.02361).

    A box' score for a phrase is the highest sigmoid of its logits with the phrase's tokens; where
    phrases do not fit into one prompt, there are several passes.

    Args:
        model: transformers' `GroundingDinoForObjectDetection` or
            `MMGroundingDinoForObjectDetection`.
        processor: its `GroundingDinoProcessor`.
        least: score that is too low for a box.
    """

    def __init__(self, model: Any, processor: Any, least: float | None = None) -> None:
        super().__init__(model, processor, least)
        self.name = str(model.config.model_type)  # "grounding-dino" or "mm-grounding-dino"

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        from transformers import (
            GroundingDinoForObjectDetection,
            GroundingDinoProcessor,
            MMGroundingDinoForObjectDetection,
        )

        try:
            mm = read_config(folder).get("model_type") == MM
        except (OSError, ValueError, AttributeError):
            mm = False  # loading tells what is wrong
        kind = MMGroundingDinoForObjectDetection if mm else GroundingDinoForObjectDetection
        return kind, GroundingDinoProcessor

    def as_asked(self, text: str) -> str:
        """A text in lower case, without what would end a phrase."""
        return one_phrase(text)

    def _passes(
        self, image: Image, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
        pixels, left = self._pixels(image), list(texts)
        longest = min(LONGEST, self.model.config.max_text_len)
        for prompt in prompts(texts, self.processor.tokenizer, longest):
            read = self.processor.tokenizer(
                prompt.text, return_offsets_mapping=True, return_tensors="pt"
            )
            offsets = read.pop("offset_mapping")[0].tolist()
            answer = self.model(**pixels, **read.to(self.model.device))
            scores = phrase_scores(answer.logits[0], prompt.tokens(offsets))
            some, left = left[: len(scores)], left[len(scores) :]
            yield some, corners(answer.pred_boxes[0]), scores
