"""What a CLIP sees of a photo's segments within their photo: its patches are masked near its end.

Global-Local CLIP's global feature (papers.md §B), for the three kinds of image sides.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from model.encoders.attention import block_output
from model.encoders.clip_vision import AttentionPoolVision, ClassTokenVision, vision_of
from model.encoders.clip_weights import ClipNetwork

BATCH = 32  # segments whose tokens are held at once


class MaskedVision(ABC):
    """An image side that sees a photo through masks.

    Attributes:
        patch: sides of a cell that masks are laid on, pixels.
        dimension: D, components of a feature.
        normalised: whether features and texts are brought to length 1 before they are mixed.
    """

    patch: int
    dimension: int
    normalised = False

    @abstractmethod
    def seen(self, pixels: Tensor) -> Tensor:
        """What is there before any mask, of B×3×S×S pixels."""

    @abstractmethod
    def masked(self, seen: Tensor, cover: Tensor) -> Tensor:
        """N×D features of what was seen, once or N times, through N masks (N×P)."""

    def features(self, pixels: Tensor, cover: Tensor) -> Tensor:
        """N×D features f^G, some at a time.

        Args:
            pixels: 1×3×S×S standardised pixels of the photo, or N×3×S×S, one for each mask.
            cover: N×P, the share of each cell that each mask covers.
        """
        cover = cover.to(pixels)
        shared = self.seen(pixels) if len(pixels) == 1 else None
        rows = [pixels.new_zeros(0, self.dimension)]
        for start in range(0, len(cover), BATCH):
            some = slice(start, start + BATCH)
            seen = self.seen(pixels[some]) if shared is None else shared
            rows.append(self.masked(seen, cover[some]))
        return torch.cat(rows)


class ClassTokens(MaskedVision):
    """A transformer with a class token: patches are multiplied by the mask before each of the
    last blocks, the class token is not.

    Args:
        vision: the image side.
        last: number of these blocks.

    Attributes:
        vision: the image side.
        last_blocks: these blocks.
    """

    def __init__(self, vision: ClassTokenVision, last: int) -> None:
        before = max(vision.depth - last, 0)
        self.vision = vision
        self._first_blocks, self.last_blocks = vision.blocks[:before], vision.blocks[before:]
        self.patch, self.dimension = vision.patch, vision.dimension

    def seen(self, pixels: Tensor) -> Tensor:
        """B×(1+P)×C tokens that enter the last blocks."""
        tokens = self.vision.entering(pixels)
        for block in self._first_blocks:
            tokens = block_output(block, tokens)
        return tokens

    def masked(self, seen: Tensor, cover: Tensor) -> Tensor:
        """The class tokens in the joint space."""
        tokens, shares = seen.expand(len(cover), -1, -1), token_shares(cover)
        for block in self.last_blocks:
            tokens = block_output(block, tokens * shares)
        return self.vision.whole([tokens])


class PooledValues(MaskedVision):
    """A transformer with an attention pool, as SigLIP's: its pool attends evenly to the mask.

    Args:
        vision: the image side.
    """

    def __init__(self, vision: AttentionPoolVision) -> None:
        self._vision = vision
        self.patch, self.dimension = vision.patch, vision.dimension

    def seen(self, pixels: Tensor) -> Tensor:
        """B×P×C values of the pool."""
        return self._vision.values(self._vision.states(pixels))

    def masked(self, seen: Tensor, cover: Tensor) -> Tensor:
        """The pool's answers (`AttentionPoolVision.regions`)."""
        total = (cover[:, None] @ seen)[:, 0]
        return self._vision.regions(total, cover.sum(dim=1, keepdim=True))


class ResNetCells(MaskedVision):
    """One of OpenAI's ResNets: its last map's cells, at length 1, times the mask, are pooled.

    Args:
        network: open_clip's `ModifiedResNet`.
    """

    patch, normalised = 32, True

    def __init__(self, network: Any) -> None:
        self._network = network
        self.dimension = int(network.output_dim)

    def seen(self, pixels: Tensor) -> Tensor:
        """B×C×h×w cells at length 1."""
        network = self._network
        cells = network.stem(pixels)
        for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
            cells = layer(cells)
        return functional.normalize(cells, dim=1)

    def masked(self, seen: Tensor, cover: Tensor) -> Tensor:
        """The attention pool's answers."""
        pooled: Tensor = self._network.attnpool(
            seen * cover.reshape(len(cover), 1, *seen.shape[-2:])
        )
        return pooled


def token_shares(cover: Tensor) -> Tensor:
    """N×(1+P)×1: the masks' shares of tokens; of the class token always 1."""
    return torch.cat([cover.new_ones(len(cover), 1), cover], dim=1)[:, :, None]


def masked_vision(clip: ClipNetwork, last: int) -> MaskedVision:
    """A CLIP's image side as it sees through masks.

    Raises:
        PresetInvalid: the image side is none of the three kinds.
    """
    from open_clip.modified_resnet import ModifiedResNet

    if isinstance(clip.network.visual, ModifiedResNet):
        return ResNetCells(clip.network.visual)
    vision = vision_of(clip.network)
    if isinstance(vision, AttentionPoolVision):
        return PooledValues(vision)
    assert isinstance(vision, ClassTokenVision)
    return ClassTokens(vision, last)
