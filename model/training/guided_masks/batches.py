"""Batches that proposals for words are learned from: seen photos, a prompt each, its regions."""

from __future__ import annotations

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
from model.training.photo_phrases.prompts import PhotoPrompts

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
class GuidedPrompts(PhotoPrompts[GuidedBatch]):
    """One epoch's batches, in the square frame.

    Attributes:
        features: maps that the frozen networks make of the photos.
    """

    features: PhotoFeatures

    def batch(
        self,
        photos: Sequence[TruePhoto],
        prompt: PromptTokens,
        regions: Sequence[Sequence[Region]],
    ) -> GuidedBatch:
        """The features of the photos, and what the regions cover of them."""
        return GuidedBatch(
            together([self.features.of(photo.path) for photo in photos]),
            prompt,
            tuple(
                cover_of(photo, some[:MOST_REGIONS], self.side)
                for photo, some in zip(photos, regions, strict=True)
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
