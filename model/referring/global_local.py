"""Global-Local CLIP: each segment seen within its photo, and alone (papers.md §B).

Yu et al., CVPR 2023, arXiv 2303.17811, as its authors' code does it. The image side of a CLIP with
a class token, or of OpenAI's ResNets; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.encoders.attention import block_output
from model.encoders.clip_vision import ClassTokenVision, vision_of
from model.encoders.clip_weights import ClipNetwork
from model.errors import PresetInvalid
from model.masks import rle
from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.photos.images import Image

Fill = Literal["mean", "released"]

ALPHA = 0.95
"""Share of the global feature: 0.95 on RefCOCO and RefCOCO+, 0.85 on RefCOCOg."""
BATCH = 32  # segments whose tokens are held at once
_RELEASED_FILL = (0.485, 0.456, 0.406)  # added to pixels that are standardised already


class GlobalLocal:
    """f = α f^G + (1 − α) f^L of segments, and the texts that it is compared with.

    Args:
        clip: network with both sides.
        alpha: α, the share of the global feature.
        last: number of the last blocks before which patches are masked.
        fill: colour behind a segment that is seen alone: the mean of CLIP's photos, or the
            constant that the released code adds.

    Attributes:
        normalised: whether features and texts are brought to length 1 before they are mixed, as
            those of ResNets are.

    Raises:
        PresetInvalid: the image side is neither of the two kinds.
    """

    def __init__(
        self, clip: ClipNetwork, alpha: float = ALPHA, last: int = 3, fill: Fill = "mean"
    ) -> None:
        self._clip = clip
        self._alpha = alpha
        self._last = last
        self._fill = (0.0, 0.0, 0.0) if fill == "mean" else _RELEASED_FILL
        self._visual = clip.network.visual
        self.normalised = _is_resnet(self._visual)
        self._vision: ClassTokenVision | None = None
        if not self.normalised:
            vision = vision_of(clip.network)
            if not isinstance(vision, ClassTokenVision):
                raise PresetInvalid(
                    "this CLIP has no class token, which Global-Local CLIP reads",
                    "choose an architecture like ViT-B-32 or RN50",
                )
            self._vision = vision
        side = self._visual.image_size
        self._side = int(side[0] if isinstance(side, tuple) else side)

    @torch.inference_mode()
    def features(self, image: Image, segments: Segments) -> Tensor:
        """N×D features of a photo's segments, of any length, in the network's format."""
        whole, parts = self.whole_pixels(image), self.local_pixels(image, segments)
        seen = self.global_features(whole, coverage(segments, self.grid))
        alone = torch.cat([self._visual(part) for part in torch.split(parts, BATCH)])
        if self.normalised:
            seen, alone = functional.normalize(seen, dim=1), functional.normalize(alone, dim=1)
        return self._alpha * seen + (1 - self._alpha) * alone

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """T×D texts in lower case, without templates: of any length, or of 1 (`normalised`)."""
        tokens = self._clip.tokenizer([text.lower() for text in texts]).to(self._clip.device)
        encoded: Tensor = self._clip.network.encode_text(tokens)
        return functional.normalize(encoded, dim=1) if self.normalised else encoded

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the map that masks are laid on."""
        patch = 32 if self._vision is None else self._vision.patch
        return self._side // patch, self._side // patch

    def global_features(self, pixels: Tensor, cover: Tensor) -> Tensor:
        """N×D features f^G.

        Args:
            pixels: 1×3×S×S standardised pixels of the photo.
            cover: N×P, the share of each cell that each mask covers.
        """
        cover = cover.to(pixels)
        if self._vision is None:
            return self._pooled(pixels, cover)
        blocks = self._vision.blocks
        first = self._vision.states(pixels)[len(blocks) - self._last]
        rows = []
        for part in torch.split(cover, BATCH):
            shares = torch.cat([part.new_ones(len(part), 1), part], dim=1)[:, :, None]
            tokens = first.expand(len(part), -1, -1)
            for block in blocks[len(blocks) - self._last :]:
                tokens = block_output(block, tokens * shares)
            rows.append(self._vision.whole([tokens]))
        return torch.cat(rows)

    def _pooled(self, pixels: Tensor, cover: Tensor) -> Tensor:
        """The ResNet's cells at length 1, times the mask, through its attention pool."""
        visual = self._visual
        cells = visual.stem(pixels)
        for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
            cells = layer(cells)
        cells = functional.normalize(cells, dim=1)
        masks = cover.reshape(len(cover), 1, *cells.shape[-2:])
        pooled: Tensor = visual.attnpool(cells * masks)
        return pooled

    def whole_pixels(self, image: Image) -> Tensor:
        """1×3×S×S: the photo, stretched to the network's square and standardised."""
        return self._resized(self._standardised(image.pixels))

    def local_pixels(self, image: Image, segments: Segments) -> Tensor:
        """N×3×S×S: each segment's box, stretched, with nothing but the segment in it."""
        pixels = self._standardised(image.pixels)
        height, width = image.size
        scale = np.array([width, height, width, height]) / np.tile(segments.size[::-1], 2)
        fill = pixels.new_tensor(self._fill)[:, None, None]
        parts = []
        for counts, box in zip(segments.counts, segments.boxes * scale, strict=True):
            mask = torch.from_numpy(rle.decode([counts], segments.size)).to(pixels)
            mask = functional.interpolate(mask[None], size=(height, width), mode="nearest")[0]
            x0, y0 = (int(edge) for edge in np.floor(box[:2]))
            x1, y1 = (int(edge) for edge in np.ceil(box[2:]))
            window = (..., slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1)))
            shown = (pixels * mask + fill * (1 - mask))[window]
            parts.append(self._resized(shown))
        return torch.cat(parts) if parts else pixels.new_zeros(0, 3, self._side, self._side)

    def _standardised(self, pixels: NDArray[np.uint8]) -> Tensor:
        """1×3×H×W in the network's format."""
        weight = next(self._visual.parameters())
        values = torch.from_numpy(pixels.copy()).to(weight).permute(2, 0, 1)[None] / 255
        mean, deviation = (
            weight.new_tensor(three)[:, None, None]
            for three in (self._clip.mean, self._clip.deviation)
        )
        standardised: Tensor = (values - mean) / deviation
        return standardised

    def _resized(self, pixels: Tensor) -> Tensor:
        return functional.interpolate(
            pixels,
            size=(self._side, self._side),
            mode="bicubic",
            antialias=True,
            align_corners=False,
        )


def _is_resnet(visual: Any) -> bool:
    from open_clip.modified_resnet import ModifiedResNet

    return isinstance(visual, ModifiedResNet)
