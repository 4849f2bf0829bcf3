"""Captions by Florence-2 (Xiao et al., CVPR 2024, arXiv 2311.06242; weights MIT)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.curation.engines.answer_text import plain_prose
from model.curation.engines.caption_files import plain_text
from model.curation.engines.published_captioner import PublishedCaptioner
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto

_SCENE, _REGIONS = "<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>"
_BINS = 1000  # that a side has in the model's tokens for places


class Florence2Captioner(PublishedCaptioner):
    """A paragraph about the whole photo, and a few words with a box for each thing in it.

    Args:
        model: transformers' `Florence2ForConditionalGeneration`.
        processor: its `Florence2Processor`.
        batch: photos that it looks at together.
        max_tokens: tokens of an answer, at most; the authors' 1,024.
        beams: beams of the search; the authors' 3.
    """

    name = "florence-2"

    def __init__(
        self, model: Any, processor: Any, batch: int = 8, max_tokens: int = 1024, beams: int = 3
    ) -> None:
        super().__init__(model, processor, batch, max_tokens)
        self.beams = beams

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        from transformers import Florence2ForConditionalGeneration, Florence2Processor

        return Florence2ForConditionalGeneration, Florence2Processor

    def _settings(self) -> str:
        return f"{self.beams} {_SCENE} {_REGIONS}"

    def _of_batch(self, photos: Sequence[SourcePhoto]) -> list[tuple[Caption, ...]]:
        pixels = [photo.image.pixels for photo in photos]
        scenes, regions = self._said(_SCENE, pixels), self._said(_REGIONS, pixels)
        return [
            (self._scene(*scene), *self._regions(region))
            for scene, (region, _) in zip(scenes, regions, strict=True)
        ]

    def _said(self, task: str, pixels: Sequence[Any]) -> list[tuple[str, bool]]:
        """What is said of each photo, with the tokens of places, and whether it was cut."""
        inputs = self.processor(images=list(pixels), text=[task] * len(pixels), return_tensors="pt")
        tokens = self._generated(inputs, num_beams=self.beams)
        texts = self.processor.batch_decode(tokens, skip_special_tokens=False)
        lengths = (tokens != self.processor.tokenizer.pad_token_id).sum(dim=1)
        cut = (lengths > self.max_tokens).tolist()  # the decoder's first token is given
        return list(zip(texts, cut, strict=True))

    def _scene(self, text: str, cut: bool) -> Caption:
        found = self._parsed(text, _SCENE).replace("<pad>", "")
        return Caption(plain_prose(found, cut), "scene", self.name)

    def _regions(self, text: str) -> list[Caption]:
        found = self._parsed(text, _REGIONS)
        captions = []
        for label, corners in zip(found["labels"], found["bboxes"], strict=True):
            x0, y0, x1, y1 = ((corner + 0.5) / _BINS for corner in corners)
            if x0 < x1 <= 1 and y0 < y1 <= 1:
                captions.append(Caption(plain_text(label), "object", self.name, (x0, y0, x1, y1)))
        return captions

    def _parsed(self, text: str, task: str) -> Any:
        # of a photo of as many pixels as there are bins a place's pixel is its bin
        return self.processor.post_process_generation(
            text=text, task=task, image_size=(_BINS, _BINS)
        )[task]
