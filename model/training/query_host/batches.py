"""Batches that a host learns words from: photos of one shape, a prompt each, its regions."""

from __future__ import annotations

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
from model.training.losses.mask_targets import inside
from model.training.photo_phrases.prompts import PhotoPrompts

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
class HostPrompts(PhotoPrompts[HostBatch]):
    """One epoch's batches, the photos of each of one shape.

    Nothing is mirrored, cut or turned: phrases may tell places.
    """

    def batch(
        self,
        photos: Sequence[TruePhoto],
        prompt: PromptTokens,
        regions: Sequence[Sequence[Region]],
    ) -> HostBatch:
        """The pixels of the photos, and those of the regions."""
        return HostBatch(
            torch.stack([host_pixels(photo.read(), self.side) for photo in photos]),
            prompt,
            tuple(
                targets(photo, some[:MOST_REGIONS], input_size(photo.size, self.side))
                for photo, some in zip(photos, regions, strict=True)
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
