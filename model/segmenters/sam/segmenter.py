"""Segmenters whose masks are generated from a grid of points, and drawn where one points."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.devices import chosen_dtype, named_device
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter
from model.segmenters.sam.generation.generator import GeneratedMask, MaskGenerator
from model.segmenters.sam.promptable import Promptable
from model.segmenters.sam.prompted_photo import PromptedPhoto


class PointGridSegmenter(Segmenter):
    """Everything that a promptable model finds when points are set all over the photo, and what it
    draws for one point or box.

    Args:
        model: network that answers points.
        side: the working frame's longer side, pixels; masks are as fine as that.
        settings: settings of `MaskGenerator`, by their names.
    """

    def __init__(self, model: Promptable, side: int = 1024, **settings: Any) -> None:
        self._generator = MaskGenerator(model, **settings)
        self._model, self._side = model, side
        self._last: tuple[weakref.ref[Image], PromptedPhoto] | None = None

    def segment(self, image: Image) -> Segments:
        """Segments in a frame whose longer side is `side` at most, best first; their quality is
        the model's own estimate of the IoU."""
        return self.segment_all([image])[0]

    def segment_all(self, images: Sequence[Image]) -> list[Segments]:
        """The segments of several photos; a GPU's image encoder takes them together."""
        photos = [image.reduced(self._side).pixels for image in images]
        found = self._generator.masks_of(photos)
        return [
            _segments(masks, (photo.shape[0], photo.shape[1]))
            for masks, photo in zip(found, photos, strict=True)
        ]

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        """The mask that is thought best of those at the point, or the one in the box, in the frame
        of `segment`.

        The last photo is remembered: it is looked at once, however often it is asked about.
        """
        points = None if at is None else np.array([at])
        corners = None if box is None else np.array([*box[:2], box[0] + box[2], box[1] + box[3]])
        return self.look(image).segments(points, box=corners)[:1]

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """Things in boxes, in the frame of `segment`: of the four masks that are drawn in each the
        one of the best estimated IoU.

        The photo is looked at once, and boxes are asked `Promptable.batch` at a time.
        """
        corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
        return self.look(image).boxed(np.array(corners).reshape(-1, 4), self._model.batch)

    def look(self, image: Image) -> PromptedPhoto:
        """See a photo once, for any number of questions; the last one is remembered."""
        if self._last is None or self._last[0]() is not image:
            (view,) = self._model.look([image.reduced(self._side).pixels])
            seen = PromptedPhoto(view, image.original_size, self._model.threshold)
            self._last = weakref.ref(image), seen
        return self._last[1]


class SamSegmenter(PointGridSegmenter):
    """SAM, from a checkpoint as published.

    Args:
        weights: `sam_vit_b_*.pth`, `…_l_*`, `…_h_*`, or the same tensors as safetensors.
        side: the working frame's longer side, pixels.
        precision: number format of the arithmetic, one of `model.devices.PRECISIONS`.
        device: "auto", or where torch shall run.
        compiled: whether torch compiles the decoder; that takes minutes at first.
        settings: settings of `MaskGenerator`, by their names.

    Raises:
        WeightsMissing, WeightsMismatch: the file is not there, or holds no SAM.
        DeviceMissing: the device is not on this machine.
        ValueError: a setting has no meaning.
    """

    def __init__(
        self,
        weights: Path,
        side: int = 1024,
        precision: str = "auto",
        device: str = "auto",
        compiled: bool = False,
        **settings: Any,
    ) -> None:
        from model.segmenters.sam.networks.checkpoint import load_sam
        from model.segmenters.sam.networks.folded_sam import FoldedSam

        place = named_device(device)
        compiler = "inductor" if compiled else None
        model = FoldedSam(load_sam(weights), chosen_dtype(precision, place), place, compiler)
        super().__init__(model, side, **settings)


def _segments(masks: Sequence[GeneratedMask], size: tuple[int, int]) -> Segments:
    found = sorted((mask for mask in masks if mask.area), key=lambda mask: -mask.quality)
    if not found:
        return Segments.empty(size)
    quality = np.clip(np.array([mask.quality for mask in found], np.float32), 0, 1)
    return Segments.from_counts(size, [mask.counts for mask in found], quality)
