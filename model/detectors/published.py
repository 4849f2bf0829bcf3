"""Detectors of transformers: a model with its processor, from a folder as the hub has it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from blake3 import blake3
from torch import Tensor

from model.detectors.detector import Detections, Detector
from model.devices import named_device
from model.photos.images import Image
from model.weights.transformers_folder import load_folder, require_folder
from model.weights.weights_digest import add_weights

BOX_SCORE = 0.25  # as Grounding DINO's authors have it


class PublishedDetector(Detector):
    """A model of transformers with its processor.

    Args:
        model: network; it is set to evaluation.
        processor: processor that belongs to it.
        least: score that is too low for a box.
    """

    LEAST: ClassVar[float] = BOX_SCORE

    def __init__(self, model: Any, processor: Any, least: float | None = None) -> None:
        self.model, self.processor = model.eval(), processor
        self.least = self.LEAST if least is None else least

    @classmethod
    def load(cls, folder: Path, device: str = "auto", least: float | None = None) -> Self:
        """The detector in a folder as the hub has it.

        Args:
            folder: folder with `config.json`, the weights as safetensors, and the processor's
                files.
            device: "auto", or where torch shall run.
            least: score that is too low for a box; None: `LEAST`.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        require_folder(folder)
        place = named_device(device)
        kind, processor = cls._classes(folder)
        remedy = "download it again (config.json, model.safetensors)"
        model = load_folder(kind, folder, f"a {kind.__name__}", remedy).to(place)
        return cls(model, processor.from_pretrained(folder, local_files_only=True), least)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the model's kind and weights, of how photos are prepared for it, and of the
        least score."""
        digest = blake3(f"{self.name} {self.least}".encode())
        digest.update(self.processor.image_processor.to_json_string().encode())
        add_weights(digest, self.model)
        return digest.hexdigest()

    @torch.inference_mode()
    def detect(self, image: Image, texts: Sequence[str]) -> list[Detections]:
        """Places of each text, see `Detector`; equal texts are looked for once."""
        asked = {text: self.as_asked(text) for text in texts}
        found: dict[str, Detections] = {"": Detections.none()}
        distinct = sorted(set(asked.values()) - {""})
        for some, boxes, scores in self._passes(image, distinct) if distinct else ():
            shares = boxes.float().cpu().numpy()
            for text, own in zip(some, scores.float().cpu().numpy(), strict=True):
                found[text] = Detections.above(shares, own.clip(0, 1), self.least)
        return [found[asked[text]] for text in texts]

    def as_asked(self, text: str) -> str:
        """A text as the model is asked for it; empty where it says nothing."""
        return " ".join(text.lower().split())

    @staticmethod
    @abstractmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        """Classes of transformers for the model and its processor."""

    @abstractmethod
    def _passes(
        self, image: Image, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
        """T of the texts, Q×4 boxes (XYXY, shares of the photo) and their T×Q scores, pass by
        pass until no text is left."""

    def _pixels(self, image: Image) -> Any:
        """The photo as the model takes it, on its device."""
        return self.processor.image_processor(images=image.pixels, return_tensors="pt").to(
            self.model.device
        )

    def _tokens(self, texts: Sequence[str], longest: int) -> Any:
        """Texts as tokens, each padded or cut to `longest`, on the model's device."""
        return self.processor.tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(self.model.device)


def corners(boxes: Tensor) -> Tensor:
    """Boxes of centre x, centre y, width and height as XYXY; last axis 4."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([middle - half, middle + half], dim=-1)
