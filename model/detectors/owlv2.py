"""OWLv2: an open-vocabulary detector that scores every patch of a photo with every text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from model.detectors.published import PublishedDetector, corners
from model.photos.images import Image

TEMPLATE = "a photo of a {}"  # as its authors asked for the names of classes


class Owlv2(PublishedDetector):
    """OWLv2 (Minderer et al., arXiv 2306.09683).

    Args:
        model: transformers' `Owlv2ForObjectDetection`.
        processor: its `Owlv2Processor`.
        least: score that is too low for a box.
    """

    name = "owlv2"

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        from transformers import Owlv2ForObjectDetection, Owlv2Processor

        return Owlv2ForObjectDetection, Owlv2Processor

    def _passes(
        self, image: Image, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self._tokens([TEMPLATE.format(text) for text in texts], longest)
        answer = self.model(
            pixel_values=self._pixels(image)["pixel_values"],
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
        # boxes are shares of the square that the photo was padded to, to the right and below
        height, width = image.size
        boxes = corners(answer.pred_boxes[0]) * max(image.size)
        shares = boxes / boxes.new_tensor([width, height, width, height])
        yield texts, shares, answer.logits[0].sigmoid().T
