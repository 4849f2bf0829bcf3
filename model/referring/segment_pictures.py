"""Pictures of a photo's segments as a CLIP is shown them: whole or cropped, on some background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from model.encoders.clip_weights import ClipNetwork
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.settings import Background

SIGMA, RADIUS = 2.6, 7
"""Pixels of the blur where the photo's longer side has `BLURRED_AT`: OpenCV's 15×15 Gaussian."""
BLURRED_AT = 640  # as COCO's photos mostly have, which HybridGL blurs as they are
_RELEASED_FILL = (0.485, 0.456, 0.406)  # added to pixels that are standardised already


class SegmentPictures:
    """Pictures of a photo and of its segments, all of the network's square, standardised.

    Args:
        clip: network that looks at them, with the image side.

    Attributes:
        side: S, pixels.
    """

    def __init__(self, clip: ClipNetwork) -> None:
        self._clip = clip
        side = clip.network.visual.image_size
        self.side = int(side[0] if isinstance(side, tuple) else side)

    def whole(self, image: Image) -> Tensor:
        """1×3×S×S: the photo, stretched."""
        return self._resized(self._standardised(image.pixels))

    def crops(self, image: Image, segments: Segments, background: Background) -> Tensor:
        """N×3×S×S: each segment's box, stretched; what is not the segment is background."""
        height, width = image.size
        scale = np.array([width, height, width, height]) / np.tile(segments.size[::-1], 2)
        parts = []
        shown = self._shown(image, segments, background)
        for picture, box in zip(shown, segments.boxes * scale, strict=True):
            x0, y0 = (int(edge) for edge in np.floor(box[:2]))
            x1, y1 = (int(edge) for edge in np.ceil(box[2:]))
            window = (..., slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1)))
            parts.append(self._resized(picture[window]))
        return self._joined(parts)

    def frames(self, image: Image, segments: Segments, background: Background) -> Tensor:
        """N×3×S×S: the photo, stretched, a time for each segment: all else is background."""
        return self._joined([self._resized(p) for p in self._shown(image, segments, background)])

    def _shown(self, image: Image, segments: Segments, background: Background) -> Iterator[Tensor]:
        """1×3×H×W for each segment."""
        pixels = self._standardised(image.pixels)
        behind = self._behind(image, background).to(pixels)
        for counts in segments.counts:
            mask = torch.from_numpy(rle.decode([counts], segments.size)).to(pixels)
            mask = functional.interpolate(mask[None], size=image.size, mode="nearest")[0]
            yield pixels * mask + behind * (1 - mask)

    def _behind(self, image: Image, background: Background) -> Tensor:
        """What lies behind the segments, 1×3×H×W or the same everywhere."""
        if background == "blurred":
            return self._standardised(blurred(image.pixels))
        fill = _RELEASED_FILL if background == "released" else (0.0, 0.0, 0.0)
        return torch.tensor(fill, dtype=torch.float64)[:, None, None]

    def _joined(self, parts: list[Tensor]) -> Tensor:
        weight = next(self._clip.network.visual.parameters())
        return torch.cat(parts) if parts else weight.new_zeros(0, 3, self.side, self.side)

    def _standardised(self, pixels: NDArray[np.generic]) -> Tensor:
        """1×3×H×W in the network's format."""
        weight = next(self._clip.network.visual.parameters())
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
            size=(self.side, self.side),
            mode="bicubic",
            antialias=True,
            align_corners=False,
        )


def blurred(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """H×W×3 in 0–255: the photo as HybridGL blurs it, whatever its size; mirrored at the edges."""
    size = max(pixels.shape[:2]) / BLURRED_AT
    values = pixels.astype(np.float64)
    for axis in (0, 1):
        values = gaussian_filter1d(
            values, SIGMA * size, axis=axis, mode="mirror", radius=max(round(RADIUS * size), 1)
        )
    return np.asarray(values)
