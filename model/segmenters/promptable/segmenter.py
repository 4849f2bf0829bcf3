"""The promptable segmenter: look at a photo once, ask for masks by points, boxes, masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor
from segment_anything.modeling import Sam

from model.encoders.efficientnet import EfficientNetTrunk
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenters.promptable.network import PromptedSam

Floats = NDArray[np.float32]
_BOXES = 16  # asked at a time: their masks are in memory at the image's size


@dataclass(frozen=True, eq=False)
class Drawn:
    """Masks of one prompt, best first.

    Attributes:
        masks: M×H×W bool, in the frame of the pixels that were looked at.
        quality: M float32, the IoU that each is thought to have.
        logits: M×h×w float32 at a quarter of the network's frame: what `previous` takes.
    """

    masks: NDArray[np.bool_]
    quality: Floats
    logits: Floats


class EncodedPhoto:
    """One photo as a promptable network sees it.

    All places are x, y in pixels of the upright photo at full size.

    Args:
        predictor: predictor that has encoded the image.
        image: the photo.
    """

    def __init__(self, predictor: SamPredictor, image: Image) -> None:
        self._predictor, self._image = predictor, image

    def masks(
        self,
        points: NDArray[np.floating] | None = None,
        inside: NDArray[np.bool_] | None = None,
        box: NDArray[np.floating] | None = None,
        previous: Floats | None = None,
        several: bool | None = None,
    ) -> Drawn:
        """Masks of one thing.

        Args:
            points: K×2, in the thing or beside it.
            inside: K, which of them are in it; all by default.
            box: x0, y0, x1, y1 around it.
            previous: h×w logits of a mask that is to be mended (`Drawn.logits`).
            several: three masks (part, thing, whole), or the single one; by default three for a
                single point, which may mean any of them.

        Raises:
            ValueError: nothing is asked.
        """
        asked = 0 if points is None else len(points)
        if not asked and box is None and previous is None:
            raise ValueError("no point, no box and no mask is given")
        scale = np.array(self._image.size[::-1]) / np.array(self._image.original_size[::-1])
        labels = None
        if points is not None:
            labels = np.ones(asked) if inside is None else np.asarray(inside).astype(np.int64)
            points = np.asarray(points, np.float32) * scale
        if several is None:
            several = asked == 1 and box is None and previous is None
        masks, quality, logits = self._predictor.predict(
            points,
            labels,
            None if box is None else np.asarray(box, np.float32) * np.tile(scale, 2),
            None if previous is None else previous[None],
            several,
        )
        order = np.argsort(-quality, kind="stable")
        return Drawn(masks[order], quality[order], logits[order])

    def boxed(self, boxes: NDArray[np.floating]) -> list[Segments]:
        """Thing in each of N boxes, as one segment or none in the frame of the image.

        The single mask of each is taken: on photos held out of training it fits better than the
        surest of all four.

        Args:
            boxes: N×4, x0, y0, x1, y1.
        """
        scale = np.tile(np.array(self._image.size[::-1]) / self._image.original_size[::-1], 2)
        found = []
        for start in range(0, len(boxes), _BOXES):
            places = self._predictor.transform.apply_boxes_torch(
                torch.as_tensor(boxes[start : start + _BOXES] * scale, dtype=torch.float32),
                self._image.size,
            ).to(self._predictor.device)
            masks, quality, _ = self._predictor.predict_torch(
                None, None, places, multimask_output=False
            )
            found += [
                _segment(mask, sure)
                for mask, sure in zip(masks.cpu().numpy(), quality.cpu().numpy(), strict=True)
            ]
        return found


class PromptableSegmenter:
    """Masks of what is pointed at.

    Args:
        sam: the network: nano's, or any other that `SamPredictor` takes.
    """

    def __init__(self, sam: Sam) -> None:
        self.sam = sam

    @classmethod
    def load(cls, weights: Path, trunk: Path | None = None) -> PromptableSegmenter:
        """nano's promptable network.

        Args:
            weights: safetensors, made by `segsearch train recipes/prompts.toml`.
            trunk: weights of the image trunk; by default the bundled ones.

        Raises:
            WeightsMismatch: a file holds another network.
        """
        return cls(PromptedSam.load(weights, EfficientNetTrunk.shared(trunk)))

    def look(self, image: Image) -> EncodedPhoto:
        """See a photo once, for any number of questions."""
        predictor = SamPredictor(self.sam)
        predictor.set_image(image.pixels)
        return EncodedPhoto(predictor, image)

    def segment(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        """The mask that is thought best, in the frame of the image; none where it is empty.

        Args:
            image: the photo.
            at: x, y in pixels of the upright photo at full size.
            box: x, y, width, height, likewise.
        """
        drawn = self.look(image).masks(
            points=None if at is None else np.array([at], np.float32),
            box=None if box is None else _corners(*box),
        )
        return _segment(drawn.masks[:1], drawn.quality[:1])


def _segment(masks: NDArray[np.bool_], quality: Floats) -> Segments:
    """1×H×W mask and 1 estimated IoU as one segment; an empty mask as none."""
    if not masks.any():
        return Segments.empty((masks.shape[1], masks.shape[2]))
    return Segments.from_masks(masks, np.clip(quality, 0, 1))


def _corners(x: float, y: float, width: float, height: float) -> Floats:
    """x0, y0, x1, y1."""
    return np.array([x, y, x + width, y + height], np.float32)
