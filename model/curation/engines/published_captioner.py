"""Captioners of transformers: a model with its processor, from a folder as the hub has it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from blake3 import blake3

from model.curation.captioner import Captioner
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.devices import chosen_dtype, named_device
from model.errors import WeightsMismatch, shown
from model.weights.transformers_folder import load_folder, require_folder
from model.weights.weights_digest import add_weights

_REMEDY = "download it again, all files of the folder"


class PublishedCaptioner(Captioner):
    """A model of transformers with its processor.

    Args:
        model: network; it is set to evaluation.
        processor: processor that belongs to it.
        batch: photos that it looks at together.
        max_tokens: tokens of an answer, at most.

    Raises:
        ValueError: batch or max_tokens is below 1.
    """

    def __init__(self, model: Any, processor: Any, batch: int, max_tokens: int) -> None:
        if batch < 1 or max_tokens < 1:
            raise ValueError(f"batch {batch}, max_tokens {max_tokens}: expected 1 or more")
        self.model, self.processor = model.eval(), processor
        self.batch, self.max_tokens = batch, max_tokens

    @classmethod
    def load(
        cls, folder: Path, device: str = "auto", precision: str = "auto", **settings: Any
    ) -> Self:
        """The captioner in a folder as the hub has it.

        Args:
            folder: folder with `config.json`, the weights as safetensors, and the processor's
                files.
            device: "auto", or where torch shall run.
            precision: one of `model.devices.PRECISIONS`.
            settings: further arguments of the class.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        require_folder(folder)
        place = named_device(device)
        kind, processor = cls._classes(folder)
        dtype = chosen_dtype(precision, place)
        model = load_folder(kind, folder, f"a {kind.__name__}", _REMEDY, dtype).to(place)
        return cls(model, _processor(processor, folder), **settings)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the model's kind and weights, and of all settings but the batch."""
        digest = blake3(f"{self.name} {self.max_tokens} {self._settings()}".encode())
        add_weights(digest, self.model)
        return digest.hexdigest()

    def captions(self, photo: SourcePhoto) -> tuple[Caption, ...]:
        """Captions of one photo."""
        return self.captions_all([photo])[0]

    @torch.inference_mode()
    def captions_all(self, photos: Sequence[SourcePhoto]) -> list[tuple[Caption, ...]]:
        """Captions of each photo, `batch` of them in one go.

        Raises:
            PhotoError: one of the photos cannot be read; nothing is said of the others either.
        """
        found: list[tuple[Caption, ...]] = []
        for first in range(0, len(photos), self.batch):
            found += self._of_batch(photos[first : first + self.batch])
        return found

    @staticmethod
    @abstractmethod
    def _classes(folder: Path) -> tuple[Any, Any]:
        """Classes of transformers for the model and its processor."""

    @abstractmethod
    def _of_batch(self, photos: Sequence[SourcePhoto]) -> list[tuple[Caption, ...]]:
        """Captions of each of at most `batch` photos."""

    @abstractmethod
    def _settings(self) -> str:
        """Settings of its own that decide what is said."""

    def _generated(self, inputs: Any, **options: Any) -> Any:
        """B×T tokens that follow B inputs, the likeliest ones."""
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return self.model.generate(
            **inputs.to(self.model.device), max_new_tokens=self.max_tokens, **greedy, **options
        )


def _processor(kind: Any, folder: Path) -> Any:
    try:
        return kind.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers raises what it likes
        raise WeightsMismatch(
            f"{shown(folder)} does not hold a {kind.__name__}", _REMEDY
        ) from error
