"""SAM, SAM 2, EdgeTAM, SAM 3 and SAM-HQ of transformers, answering prompts.

Their decoders are SAM's with fine features, or with one more drawing (SAM-HQ), and are folded as
SAM's is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.errors import WeightsMissing, shown
from model.segmenters.sam.networks.decoder_parts import decoder_parts
from model.segmenters.sam.networks.folded_decoder import (
    EVERY,
    FoldedDecoder,
    decoder_dtype,
    masks_wanted,
)
from model.segmenters.sam.networks.folded_sam import FoldedAnswers
from model.segmenters.sam.networks.hq_refiner import photo_detail
from model.segmenters.sam.networks.shared_context import Scene
from model.segmenters.sam.networks.stable_single import StableSingle
from model.segmenters.sam.promptable import Answers, Pixels, Promptable, Prompts, View
from model.segmenters.sam.resize_maps import Frame
from model.weights.transformers_folder import CONFIG, load_folder

_STRIDE = 4  # a cell of the image embedding has 4×4 cells of a mask
_PADDED = ("sam", "sam_hq")  # photos keep their shape; the others' are stretched to a square


def load_promptable(folder: Path, dtype: torch.dtype, device: torch.device) -> Promptable:
    """The model in a folder as the hub has it: `config.json` and safetensors.

    Raises:
        WeightsMissing: there is no such folder, or no configuration in it.
        WeightsMismatch: the folder holds no model that answers points, or not all of its weights.
    """
    from transformers import AutoModelForMaskGeneration

    if not (folder / CONFIG).is_file():
        raise WeightsMissing(
            f"there is no model at {shown(folder)}", f"give the folder that holds its {CONFIG}"
        )
    model = load_folder(
        AutoModelForMaskGeneration,
        folder,
        "a model that draws masks for points",
        "use SAM, SAM 2, SAM-HQ, EdgeTAM or SAM 3 as transformers saves them",
    )
    return TransformersSam(model, dtype, device)


class TransformersSam(Promptable):
    """A `SamModel`, `SamHQModel`, `Sam2Model`, `EdgeTamModel` or `Sam3TrackerModel`, folded.

    Where a point's masks are several, they come in the order of the decoder's tokens.

    Args:
        model: network of the library; moved and converted, of no use by itself afterwards.
        dtype: number format of the image encoder; the decoder's is `decoder_dtype`'s.
        device: device that it runs on.

    Attributes:
        decoder: its decoder, folded.
        stable_single: its rule for single masks, if it has one.
    """

    def __init__(self, model: Any, dtype: torch.dtype, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        parts = decoder_parts(model.mask_decoder)
        self.stable_single = StableSingle.of(model.mask_decoder)
        self.decoder = FoldedDecoder(parts, decoder_dtype(dtype, self.device), self.device)
        self._wide = self.decoder.fine_dtype  # of prompts and places
        model = model.to(self._wide)
        self._prompts = copy.deepcopy(model.prompt_encoder).to(self.device)
        self._places = model.get_image_wide_positional_embeddings()[0].to(self.device)
        self._no_mask = self._prompts.no_mask_embed.weight.detach().view(-1, 1, 1)
        self.batch = self.decoder.quickest_batch(self._places[0].numel())
        self._eyes = _Eyes(model, dtype, self.device)

    def look(self, photos: Sequence[Pixels]) -> list[View]:
        """Photos as their points will see them; the encoder takes them together."""
        pixels, inner = self._eyes.prepared(photos)
        seen = self._eyes.model.get_image_embeddings(pixels)
        return [
            _TransformersView(self, self._scene(seen, i), photo.shape[:2], size)
            for i, (photo, size) in enumerate(zip(photos, inner, strict=True))
        ]

    @torch.inference_mode()
    def _scene(self, seen: Any, number: int) -> Scene:
        """What the points of one of the photos share, of what was seen in all of them."""
        fine, detail = [], None
        if isinstance(seen, list):  # a pyramid, the finest first
            *fine, cells = [each[number] for each in seen]
        elif isinstance(seen, tuple):  # SAM-HQ's, and the tokens of its blocks of global attention
            cells = seen[0][number]
            detail = photo_detail(self._eyes.model.mask_decoder, cells, seen[1][0][number])
        else:
            cells = seen[number]
        with_none = cells.to(self._no_mask.dtype) + self._no_mask
        return self.decoder.scene(with_none, self._places, fine[::-1] or None, detail)

    def frame(self, size: tuple[int, int], inner: tuple[int, int]) -> Frame:
        """How the pixels of a photo of `size`, prepared to `inner`, read a mask's cells."""
        cells = _STRIDE * self._places.shape[1], _STRIDE * self._places.shape[2]
        if self._eyes.padded:
            return Frame.padded(size, inner, self._eyes.side, cells[0])
        return Frame.stretched(size, cells)

    @torch.inference_mode()
    def prompts(self, prompts: Prompts) -> Tensor:
        """N×t×C embeddings of N prompts in pixels of the encoder's input."""
        points, labels, boxes = None, None, None
        if prompts.points.shape[1]:
            points = torch.as_tensor(prompts.points, dtype=self._wide, device=self.device)[None]
            labels = torch.as_tensor(prompts.inside, dtype=torch.int, device=self.device)[None]
        if prompts.boxes is not None:
            boxes = torch.as_tensor(prompts.boxes, dtype=self._wide, device=self.device)[None]
        sparse: Tensor = self._prompts(points, labels, boxes, None)[0]
        return sparse[0]


class _TransformersView(View):
    def __init__(
        self, sam: TransformersSam, scene: Scene, size: tuple[int, int], inner: tuple[int, int]
    ) -> None:
        self._sam = sam
        self._scene = scene
        self._scale = np.array([inner[1] / size[1], inner[0] / size[0]])
        self.frame = sam.frame(size, inner)
        self.runs_ahead = sam.device.type == "cuda"

    @torch.inference_mode()
    def ask(self, prompts: Prompts, several: bool | None) -> Answers:
        decoder, single = self._sam.decoder, self._sam.stable_single
        embedded = self._sam.prompts(prompts.scaled(self._scale))
        if single is not None and several is False:
            return single.answers(decoder, decoder.score(self._scene, embedded, EVERY), self.frame)
        scored = decoder.score(self._scene, embedded, masks_wanted(several))
        return FoldedAnswers(decoder, scored, self.frame)


class _Eyes:
    """A model's image encoder, and how photos are prepared for it (by the library's own code)."""

    def __init__(self, model: Any, dtype: torch.dtype, device: torch.device) -> None:
        from transformers import Sam2ImageProcessor, Sam3ImageProcessor, SamImageProcessor

        kind = model.config.model_type
        side = model.config.prompt_encoder_config.image_size
        self.side = side if isinstance(side, int) else side[0]
        square = {"height": self.side, "width": self.side}
        self.padded = kind in _PADDED
        if self.padded:
            self._prepare = SamImageProcessor(size={"longest_edge": self.side}, pad_size=square)
        else:
            stretch = Sam3ImageProcessor if kind.startswith("sam3") else Sam2ImageProcessor
            self._prepare = stretch(size=square)
        self.model = model.to(device, dtype)
        self.dtype, self.device = dtype, device

    def prepared(self, photos: Sequence[Pixels]) -> tuple[Tensor, list[tuple[int, int]]]:
        """Photos as the encoder takes them, and the size that each has in there."""
        made = self._prepare(images=list(photos), return_tensors="pt")
        square = (self.side, self.side)
        inner = made["reshaped_input_sizes"] if self.padded else [square] * len(photos)
        sizes = [(int(height), int(width)) for height, width in inner]
        return made["pixel_values"].to(self.device, self.dtype), sizes
