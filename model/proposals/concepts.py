"""Published models that find a phrase in a photo: Grounding DINO's boxes, SAM 3's concepts."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch.nn import functional

from model.devices import named_device
from model.errors import WeightsMissing, shown
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.candidates import in_frame
from model.proposals.novelty import novel_segments
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter
from model.weights.transformers_folder import load_folder

BOX_SCORE = 0.25  # least score of a box, as Grounding DINO's authors have it
CONCEPT_SCORE = 0.3  # least score of an instance, as SAM 3's


class _PublishedProposer(Proposer):
    """A transformers model with its processor.

    Args:
        model: network in evaluation mode, on its device.
        processor: processor that belongs to it.
        least: least score of what is proposed.
    """

    def __init__(self, model: Any, processor: Any, least: float) -> None:
        self._model, self._processor, self._least = model.eval(), processor, least

    @property
    def fingerprint(self) -> str:
        """Hex digest of the model's kind and weights, and of the least score."""
        digest = blake3(f"{type(self).__name__} {self._least}".encode())
        for name, value in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of what the phrase names; of an empty one none."""
        if not prompt.strip():
            return Segments.empty(known.size)
        masks, scores = self._found(image, prompt, known.size, most)
        return novel_segments(rle.encode(masks), scores, scores, known, most)

    @abstractmethod
    def _found(
        self, image: Image, prompt: str, size: tuple[int, int], most: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """N×H×W masks in a frame of `size`, and N scores."""

    def _asked(self, image: Image, prompt: str) -> Any:
        inputs = self._processor(images=image.pixels, text=prompt, return_tensors="pt")
        return inputs.to(self._model.device)


class GroundedProposer(_PublishedProposer):
    """Grounding DINO's boxes for a phrase, each drawn by a promptable segmenter (Grounded SAM).

    Args:
        model: transformers' `GroundingDinoForObjectDetection`.
        processor: its `GroundingDinoProcessor`.
        segmenter: draws what is in a box.
        least: least score of a box.
    """

    name = "grounding-dino"

    def __init__(
        self, model: Any, processor: Any, segmenter: Segmenter, least: float = BOX_SCORE
    ) -> None:
        super().__init__(model, processor, least)
        self._segmenter = segmenter

    @classmethod
    def load(
        cls, folder: Path, segmenter: Segmenter, device: str = "auto", least: float = BOX_SCORE
    ) -> GroundedProposer:
        """The detector in a folder as the hub has it.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

        model, processor = _published(
            GroundingDinoForObjectDetection, GroundingDinoProcessor, folder, device
        )
        return cls(model, processor, segmenter, least)

    def _found(
        self, image: Image, prompt: str, size: tuple[int, int], most: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        # the model was taught on lower-case phrases that end in a full stop
        answer = self._model(**self._asked(image, f"{prompt.strip().lower().rstrip('.')}."))
        scores = answer.logits[0].sigmoid().amax(dim=1)
        chosen = scores.argsort(descending=True)[:most]
        chosen = chosen[scores[chosen] > self._least]
        masks, kept = [np.zeros((0, *size), np.bool_)], []
        height, width = image.original_size
        for score, (x, y, w, h) in zip(
            scores[chosen].tolist(), answer.pred_boxes[0][chosen].tolist(), strict=True
        ):
            box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
            drawn = in_frame(self._segmenter.prompted(image, box=box), size)
            masks.append(drawn.masks())
            kept += [score] * len(drawn)
        return np.concatenate(masks), np.array(kept, np.float32)


class ConceptProposer(_PublishedProposer):
    """SAM 3's instances of a concept that a short phrase names.

    Args:
        model: transformers' `Sam3Model`.
        processor: its `Sam3Processor`.
        least: least score of an instance.
    """

    name = "sam3"

    def __init__(self, model: Any, processor: Any, least: float = CONCEPT_SCORE) -> None:
        super().__init__(model, processor, least)

    @classmethod
    def load(
        cls, folder: Path, device: str = "auto", least: float = CONCEPT_SCORE
    ) -> ConceptProposer:
        """The model in a folder as the hub has it.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        from transformers import Sam3Model, Sam3Processor

        return cls(*_published(Sam3Model, Sam3Processor, folder, device), least)

    def _found(
        self, image: Image, prompt: str, size: tuple[int, int], most: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        inputs = self._asked(image, prompt)
        answer = self._model(
            pixel_values=inputs["pixel_values"],
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
        )
        # an instance counts as far as the concept is in the photo at all (the presence head)
        scores = answer.pred_logits[0].sigmoid() * answer.presence_logits[0].sigmoid()
        chosen = torch.nonzero(scores > self._least)[:, 0]
        if not len(chosen):
            return np.zeros((0, *size), np.bool_), np.zeros(0, np.float32)
        logits = functional.interpolate(
            answer.pred_masks[:, chosen].float(), size, mode="bilinear", align_corners=False
        )[0]
        return (logits > 0).cpu().numpy(), scores[chosen].float().cpu().numpy()


def _published(model: Any, processor: Any, folder: Path, device: str) -> tuple[Any, Any]:
    if not folder.is_dir():
        raise WeightsMissing(
            f"there is no folder {shown(folder)}", "name the folder of the downloaded model"
        )
    place = named_device(device)
    loaded = load_folder(
        model, folder, f"a {model.__name__}", "download it again (config.json, model.safetensors)"
    )
    return loaded.to(place), processor.from_pretrained(folder, local_files_only=True)
