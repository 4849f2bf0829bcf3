"""The square frame that the promptable network looks at: photos and masks, padded to its side."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional

from model.encoders.efficientnet import scaled_input

CELL = 4  # pixels of the frame, of a cell of the masks


def framed(pixels: NDArray[np.uint8], side: int) -> Tensor:
    """3×side×side in [-1, 1] of H×W×3 pixels: the longer side fills the square, below or to the
    right is nothing. As `SamPredictor` and `Sam.preprocess` do it."""
    height, width = framed_size((pixels.shape[0], pixels.shape[1]), side)
    image = PillowImage.fromarray(pixels)
    resized = np.asarray(image.resize((width, height), PillowImage.Resampling.BILINEAR))
    return functional.pad(scaled_input(resized[None])[0], (0, side - width, 0, side - height))


def framed_masks(drawn: NDArray[np.bool_], side: int) -> Tensor:
    """N×side/4×side/4 float32: how much of each cell of the square N masks (H×W) cover."""
    height, width = drawn.shape[1:]
    rows, columns = framed_size((height, width), side)
    down, across = _shares(height, rows, side), _shares(width, columns, side)
    return down @ torch.from_numpy(drawn.astype(np.float32)) @ across.T


def framed_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(height, width) that a photo of `size` has in the square."""
    height, width = ResizeLongestSide.get_preprocess_shape(*size, side)
    return int(height), int(width)


def _shares(pixels: int, resized: int, side: int) -> Tensor:
    """side/4×pixels: the share of each cell that lies under each pixel."""
    cell = CELL * pixels / resized
    edges = torch.arange(side // CELL + 1) * cell
    start = torch.arange(pixels)
    overlap = torch.minimum(edges[1:, None], start + 1) - torch.maximum(edges[:-1, None], start)
    return overlap.clamp(min=0) / cell
