"""A `Sam` of segment-anything, answering prompts with the folded decoder and the faster encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT, Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional

from model.segmenters.promptable.decoder import FineMaskDecoder
from model.segmenters.sam.networks.decoder_parts import decoder_parts
from model.segmenters.sam.networks.folded_decoder import (
    FoldedDecoder,
    Scored,
    decoder_dtype,
    masks_wanted,
)
from model.segmenters.sam.networks.image_encoder import ImageEncoder
from model.segmenters.sam.networks.shared_context import Scene
from model.segmenters.sam.promptable import Answers, Pixels, Promptable, Prompts, View
from model.segmenters.sam.resize_maps import Frame

_STRIDE = 4  # a cell of the image embedding has 4×4 cells of a mask


class FoldedSam(Promptable):
    """SAM, or a network of SAM's make with fine features (nano's).

    Args:
        sam: the model. Its parts are moved and converted: it cannot be used by itself afterwards.
        dtype: number format of the image encoder; the decoder's is `decoder_dtype`'s.
        device: device that it runs on.
        compiler: backend of `torch.compile` for the decoder, see `FoldedDecoder`.
    """

    def __init__(
        self,
        sam: Sam,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        compiler: str | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.threshold = float(sam.mask_threshold)
        parts = decoder_parts(sam.mask_decoder)
        self.decoder = FoldedDecoder(
            parts, decoder_dtype(dtype, self.device), self.device, compiler
        )
        self._fine = isinstance(sam.mask_decoder, FineMaskDecoder)
        wide = self.decoder.fine_dtype
        self._prompts: Any = sam.prompt_encoder.to(self.device).eval()
        self._places = self._prompts.get_dense_pe()[0].to(wide)
        self.batch = self.decoder.quickest_batch(self._places[0].numel())
        self._no_mask = self._prompts.no_mask_embed.weight.detach().view(-1, 1, 1).to(wide)
        self._mean, self._std = (x.to(self.device) for x in (sam.pixel_mean, sam.pixel_std))
        self.side = int(sam.image_encoder.img_size)
        self._shrink = ResizeLongestSide(self.side)
        if isinstance(sam.image_encoder, ImageEncoderViT):
            self._encode: Any = ImageEncoder(sam.image_encoder, dtype, self.device)
        else:
            self._encode = sam.image_encoder.to(self.device).eval()

    @torch.inference_mode()
    def look(self, photos: Sequence[Pixels]) -> list[View]:
        """Photos as their points will see them; the encoder takes them together."""
        shrunk = [self._shrink.apply_image(photo) for photo in photos]
        features = self._encode(torch.stack([self._normalised(pixels) for pixels in shrunk]))
        return [
            _SamView(self, each, photo.shape[:2], pixels.shape[:2])
            for each, photo, pixels in zip(features, photos, shrunk, strict=True)
        ]

    def scene(self, features: Tensor) -> Scene:
        """Context that all points of a photo share, given the image encoder's features of it."""
        fine = None
        if self._fine:  # packed below the coarse ones, as `prompted_decoder.packed` tells
            channels = len(features) // 4
            fine = (
                functional.pixel_shuffle(features[channels : 2 * channels], 2),
                functional.pixel_shuffle(features[2 * channels :], 4),
            )
            features = features[:channels]
        cells = features.to(self._no_mask.dtype) + self._no_mask
        return self.decoder.scene(cells, self._places, fine)

    def prompts(self, prompts: Prompts) -> Tensor:
        """N×t×C embeddings of N prompts in pixels of the encoder's square."""
        points, boxes = None, None
        if prompts.points.shape[1]:
            labels = torch.as_tensor(prompts.inside, dtype=torch.int, device=self.device)
            points = torch.as_tensor(prompts.points, device=self.device), labels
        if prompts.boxes is not None:
            boxes = torch.as_tensor(prompts.boxes, device=self.device)
        embedded: Tensor = self._prompts(points=points, boxes=boxes, masks=None)[0]
        return embedded

    def _normalised(self, pixels: Pixels) -> Tensor:
        """3×side×side float32, with zeros to the right and below."""
        photo = torch.as_tensor(pixels, device=self.device).permute(2, 0, 1)
        scaled = (photo - self._mean) / self._std
        height, width = pixels.shape[:2]
        return functional.pad(scaled, (0, self.side - width, 0, self.side - height))


class _SamView(View):
    def __init__(
        self, sam: FoldedSam, features: Tensor, size: tuple[int, int], inner: tuple[int, int]
    ) -> None:
        self._sam = sam
        self._scene = sam.scene(features)
        self._scale = np.array([inner[1] / size[1], inner[0] / size[0]])
        cells = _STRIDE * self._scene.size[0]
        self.frame = Frame.padded(size, inner, sam.side, cells)
        self.runs_ahead = sam.device.type == "cuda"

    @torch.inference_mode()
    def ask(self, prompts: Prompts, several: bool | None) -> Answers:
        embedded = self._sam.prompts(prompts.scaled(self._scale))
        scored = self._sam.decoder.score(self._scene, embedded, masks_wanted(several))
        return FoldedAnswers(self._sam.decoder, scored, self.frame)


class FoldedAnswers(Answers):
    """Answers of a folded decoder, whose masks are drawn when they are asked for.

    Args:
        decoder: decoder that scored the prompts.
        scored: its scores.
        frame: map that says which of a mask's cells matter.
    """

    def __init__(self, decoder: FoldedDecoder, scored: Scored, frame: Frame) -> None:
        self._decoder = decoder
        self._scored = scored
        self._frame = frame
        self.quality = scored.quality

    @torch.inference_mode()
    def masks(self, rows: Tensor) -> Tensor:
        """See `Answers.masks`."""
        height, width = self._frame.rows.cells_read, self._frame.columns.cells_read
        drawn = self._decoder.draw(self._scored, rows, -(-height // _STRIDE))
        return drawn[..., :height, :width]
