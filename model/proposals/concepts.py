"""Proposers that find a phrase in a photo: Grounding DINO's boxes, SAM 3's concepts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from model.detectors.detector import Detector
from model.detectors.grounding_dino import GroundingDino
from model.detectors.sam3 import Sam3, concept_scores
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.candidates import in_frame
from model.proposals.novelty import novel_segments
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter


class GroundedProposer(Proposer):
    """A detector's boxes for a phrase, each drawn by a promptable segmenter (Grounded SAM).

    Args:
        detector: detector that finds the boxes.
        segmenter: segmenter that draws what is in a box.
    """

    def __init__(self, detector: Detector, segmenter: Segmenter) -> None:
        self._detector, self._segmenter = detector, segmenter
        self.name = detector.name

    @classmethod
    def load(
        cls, folder: Path, segmenter: Segmenter, device: str = "auto", least: float | None = None
    ) -> GroundedProposer:
        """Grounding DINO from a folder as the hub has it.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        return cls(GroundingDino.load(folder, device, least), segmenter)

    @property
    def fingerprint(self) -> str:
        """The detector's fingerprint."""
        return self._detector.fingerprint

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of what the phrase names; of an empty one none."""
        (found,) = self._detector.detect(image, [prompt])
        height, width = image.original_size
        counts, scores = list[bytes](), list[float]()
        surest = zip(found.boxes[:most].tolist(), found.scores[:most].tolist(), strict=True)
        for (x0, y0, x1, y1), score in surest:
            box = (x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height)
            drawn = in_frame(self._segmenter.prompted(image, box=box), known.size)
            counts += drawn.counts
            scores += [score] * len(drawn)
        sure = np.array(scores, np.float32)
        return novel_segments(counts, sure, sure, known, most)


class ConceptProposer(Proposer):
    """SAM 3's instances of a concept that a short phrase names.

    Args:
        detector: SAM 3.
    """

    def __init__(self, detector: Sam3) -> None:
        self._detector = detector
        self.name = detector.name

    @classmethod
    def load(
        cls, folder: Path, device: str = "auto", least: float | None = None
    ) -> ConceptProposer:
        """SAM 3 from a folder as the hub has it.

        Raises:
            WeightsMissing, WeightsMismatch: the folder is not there, or does not hold the model.
            DeviceMissing: the device is not on this machine.
        """
        return cls(Sam3.load(folder, device, least))

    @property
    def fingerprint(self) -> str:
        """The detector's fingerprint."""
        return self._detector.fingerprint

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of what the phrase names; of an empty one none."""
        if not prompt.strip():
            return Segments.empty(known.size)
        masks, scores = self._found(image, prompt, known.size)
        return novel_segments(rle.encode(masks), scores, scores, known, most)

    @torch.inference_mode()
    def _found(
        self, image: Image, prompt: str, size: tuple[int, int]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """N×H×W masks in a frame of `size`, and N scores."""
        answer = self._detector.instances(image, prompt)
        scores = concept_scores(answer)
        chosen = torch.nonzero(scores > self._detector.least)[:, 0]
        if not len(chosen):
            return np.zeros((0, *size), np.bool_), np.zeros(0, np.float32)
        logits = functional.interpolate(
            answer.pred_masks[:, chosen].float(), size, mode="bilinear", align_corners=False
        )[0]
        return (logits > 0).cpu().numpy(), scores[chosen].float().cpu().numpy()
