"""Captions by Qwen's vision–language models (Qwen2.5-VL, arXiv 2502.13923; Qwen3-VL)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from model.curation.caption_prompts import CaptionPrompts
from model.curation.engines.answer_text import plain_prose
from model.curation.engines.published_captioner import PublishedCaptioner
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.errors import WeightsMismatch, shown
from model.photos.images import Image
from model.weights.transformers_folder import read_config


class QwenCaptioner(PublishedCaptioner):
    """A multimodal model that is asked one question a granularity.

    Args:
        model: transformers' `Qwen2_5_VLForConditionalGeneration` or
            `Qwen3VLForConditionalGeneration`.
        processor: processor that belongs to it, with a chat template.
        prompts: questions; None: the built-in ones.
        batch: photos that it looks at together.
        max_tokens: tokens of an answer, at most.
        max_side: pixels of the longer side of what it sees, at most.

    Raises:
        WeightsMismatch: the processor has no chat template.
    """

    name = "qwen-vl"

    def __init__(
        self,
        model: Any,
        processor: Any,
        prompts: CaptionPrompts | None = None,
        batch: int = 4,
        max_tokens: int = 1024,
        max_side: int = 1024,
    ) -> None:
        super().__init__(model, processor, batch, max_tokens)
        if not processor.chat_template:
            raise WeightsMismatch(
                "the processor has no chat template", "download chat_template.json with the model"
            )
        self.prompts, self.max_side = prompts or CaptionPrompts(), max_side
        processor.tokenizer.padding_side = "left"  # answers follow the last token

    @staticmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        import transformers

        try:
            kind = read_config(folder)["model_type"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            kind = None
        if kind == "qwen2_5_vl":
            return transformers.Qwen2_5_VLForConditionalGeneration, transformers.Qwen2_5_VLProcessor
        if kind == "qwen3_vl":
            return transformers.Qwen3VLForConditionalGeneration, transformers.Qwen3VLProcessor
        raise WeightsMismatch(
            f"{shown(folder)} holds neither a Qwen2.5-VL nor a Qwen3-VL",
            "name the folder of one, as the hub has it",
        )

    def _settings(self) -> str:
        return f"{self.max_side} {self.prompts.asked()} {self.processor.chat_template}"

    def _of_batch(self, photos: Sequence[SourcePhoto]) -> list[tuple[Caption, ...]]:
        images = [photo.image.reduced(self.max_side) for photo in photos]
        said = [
            [
                Caption(plain_prose(text, cut), granularity, self.name)
                for text, cut in self._answers(images, question)
            ]
            for granularity, question in self.prompts.asked()
        ]
        return list(zip(*said, strict=True))

    def _answers(self, images: Sequence[Image], question: str) -> list[tuple[str, bool]]:
        """What is said of each photo, and whether it was cut."""
        asked = [
            [{"role": "user", "content": [_picture(image), {"type": "text", "text": question}]}]
            for image in images
        ]
        inputs = self.processor.apply_chat_template(
            asked,
            tokenize=True,
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )
        tokens = self._generated(inputs)[:, inputs["input_ids"].shape[1] :]
        texts = self.processor.batch_decode(tokens, skip_special_tokens=True)
        ends = self.model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        return [
            (text, len(row) == self.max_tokens and not ends & set(row))
            for text, row in zip(texts, tokens.tolist(), strict=True)
        ]


def _picture(image: Image) -> dict[str, Any]:
    return {"type": "image", "image": PillowImage.fromarray(image.pixels)}
