"""Batches that a host learns words from: photos of one shape, a prompt each, its regions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import Region, TruePhoto
from model.encoders.efficientnet import input_size
from model.masks import rle
from model.proposals.host_proposer import host_pixels
from model.proposals.prompt_tokens import PromptTokens
from model.training.loop.seeds import mixed_seed
from model.training.losses.mask_targets import inside
from model.training.photo_phrases.phrases import Phrases, PromptShares

MOST_REGIONS = 100  # of a prompt, as many as the published hosts have queries


@dataclass(frozen=True, eq=False)
class HostBatch:
    """B photos of one shape with a prompt each.

    Attributes:
        pixels: B×3×H×W float32, see `host_pixels`.
        prompt: the prompts.
        targets: B tensors M×H×W bool, the regions that show the prompt; M may be 0.
    """

    pixels: Tensor
    prompt: PromptTokens
    targets: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class HostPrompts(Sequence[HostBatch]):
    """One epoch's batches, read when they are asked for.

    Nothing is mirrored, cut or turned: phrases may tell places.

    Attributes:
        photos: all that are learned from; each has a phrase.
        order: numbers of the photos of each batch, all of one shape at that side.
        phrases: names that may be asked for.
        shares: shares of the prompts that name nothing.
        side: pixels of the longer side at which the host looks at photos.
        seed: decides all prompts.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    phrases: Phrases
    shares: PromptShares
    side: int
    seed: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> HostBatch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        chosen = [self.photos[number] for number in self.order[index]]
        asked = [self.phrases.asked(photo, self.shares, chance) for photo in chosen]
        return HostBatch(
            torch.stack([host_pixels(photo.read(), self.side) for photo in chosen]),
            self.phrases.tokens([text for text, _ in asked]),
            tuple(
                targets(photo, regions[:MOST_REGIONS], input_size(photo.size, self.side))
                for photo, (_, regions) in zip(chosen, asked, strict=True)
            ),
        )


def targets(photo: TruePhoto, regions: Sequence[Region], size: tuple[int, int]) -> Tensor:
    """M×h×w bool: pixels of a photo of that size that lie inside of each region."""
    cover = covered(photo, regions, size)
    return inside(cover) & (cover > 0)


def covered(photo: TruePhoto, regions: Sequence[Region], size: tuple[int, int]) -> Tensor:
    """M×h×w float32 shares that regions cover of the h×w cells of their photo."""
    drawn = [torch.zeros(0, *size)]
    for region in regions:  # all at once, those of a large photo would fill the memory
        mask = rle.decode([region.counts], photo.size)
        drawn.append(functional.adaptive_avg_pool2d(torch.from_numpy(mask).float(), size))
    return torch.cat(drawn)
