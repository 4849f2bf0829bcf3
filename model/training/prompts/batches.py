"""Batches that prompts are learned from: photos in the network's square, and outlined regions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import TruePhoto
from model.encoders.efficientnet import scaled_input
from model.masks import rle
from model.training.loop.seeds import mixed_seed

CELL = 4  # pixels of the frame, of a cell of the masks
_LEAST = 8.0  # cells of a region that prompts are drawn for


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """B photos, and P regions of each.

    Attributes:
        pixels: B×3×S×S float32 in [-1, 1], padded to the right and below with 0.
        cover: B×P×S/4×S/4 float32, how much of each cell the region covers; some regions more
            than once where a photo has too few.
        exhaustive: B bool, whether what nobody outlined is nothing.
    """

    pixels: Tensor
    cover: Tensor
    exhaustive: Tensor


@dataclass(frozen=True)
class Views:
    """Views by which photos are shown.

    Attributes:
        side: S, pixels of the square frame.
        prompts: P, regions a photo.
        zoom: share of the photos of which a window is shown.
        closest: least side of that window, as a share of the photo's.
    """

    side: int = 448
    prompts: int = 8
    zoom: float = 0.6
    closest: float = 0.35


@dataclass(frozen=True, eq=False)
class PromptPhotos(Sequence[PromptBatch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from; each has a region.
        order: numbers of the photos of each batch.
        views: settings of the augmentations, one for each way to show a photo.
        shares: share of the batches for each augmentation.
        exhaustive: sources that outline everything.
        seed: decides windows, flips and regions.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    views: Sequence[Views]
    shares: Sequence[float]
    exhaustive: frozenset[str]
    seed: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> PromptBatch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        chosen = [self.photos[number] for number in self.order[index]]
        (views,) = chance.choices(self.views, self.shares)
        seen = [shown_photo(photo, views, chance) for photo in chosen]
        return PromptBatch(
            torch.stack([pixels for pixels, _ in seen]).contiguous(
                memory_format=torch.channels_last
            ),
            torch.stack([cover for _, cover in seen]),
            torch.tensor([photo.source in self.exhaustive for photo in chosen]),
        )


def shown_photo(photo: TruePhoto, views: Views, chance: random.Random) -> tuple[Tensor, Tensor]:
    """A photo, or a window of it, turned left to right or not; and P of its regions.

    Returns:
        3×S×S in [-1, 1], and P×S/4×S/4 cover. A window in which no region is left to be seen is
        given up for the whole photo.
    """
    image = photo.read().pixels
    regions = list(photo.regions)
    chance.shuffle(regions)
    wanted = [region.counts for region in regions[: 2 * views.prompts]]
    turned = chance.random() < 0.5
    windows = [(slice(0, photo.size[0]), slice(0, photo.size[1]))]
    if chance.random() < views.zoom:
        windows.insert(0, _window(photo.size, views.closest, chance))
    for rows, columns in windows:
        drawn = np.stack(
            [rle.decode_window(counts, photo.size, rows, columns) for counts in wanted]
        )
        cover = framed_masks(drawn[:, :, ::-1] if turned else drawn, views.side)
        areas = cover.sum(dim=(1, 2))
        if areas.amax() >= _LEAST:
            break
    cover = cover[areas >= min(_LEAST, float(areas.amax()))][: views.prompts]
    seen = image[rows, columns]
    pixels = framed(seen[:, ::-1] if turned else seen, views.side)
    return pixels, cover.repeat(-(-views.prompts // len(cover)), 1, 1)[: views.prompts]


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


def _window(size: tuple[int, int], closest: float, chance: random.Random) -> tuple[slice, slice]:
    share = chance.uniform(closest, 1)
    sides = [max(round(length * share), 1) for length in size]
    starts = [chance.randint(0, length - part) for length, part in zip(size, sides, strict=True)]
    rows, columns = (slice(at, at + part) for at, part in zip(starts, sides, strict=True))
    return rows, columns
