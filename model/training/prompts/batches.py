"""Batches that prompts are learned from: photos in the network's square, and outlined regions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.datasets.ground_truth import TruePhoto
from model.masks import rle
from model.segmenters.promptable.frame import framed, framed_masks
from model.training.loop.seeds import mixed_seed

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


def _window(size: tuple[int, int], closest: float, chance: random.Random) -> tuple[slice, slice]:
    share = chance.uniform(closest, 1)
    sides = [max(round(length * share), 1) for length in size]
    starts = [chance.randint(0, length - part) for length, part in zip(size, sides, strict=True)]
    rows, columns = (slice(at, at + part) for at, part in zip(starts, sides, strict=True))
    return rows, columns
