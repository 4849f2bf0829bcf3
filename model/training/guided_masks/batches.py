"""Batches that proposals for words are learned from: seen photos, a prompt each, its regions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.datasets.ground_truth import Region, TruePhoto
from model.masks import rle
from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.segmenters.promptable.frame import framed_masks
from model.training.guided_masks.features import PhotoFeatures
from model.training.loop.seeds import mixed_seed
from model.training.photo_phrases.phrases import Phrases, PromptShares

MOST_REGIONS = 12  # of a prompt


@dataclass(frozen=True, eq=False)
class GuidedBatch:
    """B photos with a prompt each.

    Attributes:
        seen: the photos.
        prompt: the prompts.
        cover: B tensors M×4h×4w float32: how much of each cell at stride 4 each region covers
            that shows the prompt; M may be 0.
    """

    seen: SeenPhotos
    prompt: PromptTokens
    cover: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class GuidedPrompts(Sequence[GuidedBatch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from; each has a phrase.
        order: numbers of the photos of each batch.
        features: maps that the frozen networks make of them.
        phrases: names that may be asked for.
        shares: shares of the prompts that name nothing.
        side: pixels of the square frame.
        seed: decides all prompts.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    features: PhotoFeatures
    phrases: Phrases
    shares: PromptShares
    side: int
    seed: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> GuidedBatch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        chosen = [self.photos[number] for number in self.order[index]]
        asked = [self.phrases.asked(photo, self.shares, chance) for photo in chosen]
        return GuidedBatch(
            together([self.features.of(photo.path) for photo in chosen]),
            self.phrases.tokens([text for text, _ in asked]),
            tuple(
                cover_of(photo, regions[:MOST_REGIONS], self.side)
                for photo, (_, regions) in zip(chosen, asked, strict=True)
            ),
        )


def cover_of(photo: TruePhoto, regions: Sequence[Region], side: int) -> Tensor:
    """M×side/4×side/4 float32 shares that regions cover of the cells of the square frame."""
    if not regions:
        return torch.zeros(0, side // 4, side // 4)
    return framed_masks(rle.decode([region.counts for region in regions], photo.size), side)


def together(seen: Sequence[SeenPhotos]) -> SeenPhotos:
    """Several photos as one batch."""
    return SeenPhotos(
        torch.cat([each.embedding for each in seen]), torch.cat([each.deep for each in seen])
    )
