"""A photo as the frozen networks see it before any word is said: what proposals are made from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model.segmenters.promptable.network import PromptedSam


@dataclass(frozen=True, eq=False)
class SeenPhotos:
    """B photos in the promptable network's square frame.

    Attributes:
        embedding: B×4·C×h×w float32 at stride 16, see `decoder.packed`: what prompts are asked of.
        deep: B×D×h/2×w/2 float32, the trunk's map at stride 32: what things are, rather than
            where they end.
    """

    embedding: Tensor
    deep: Tensor


@torch.no_grad()
def seen_photos(network: PromptedSam, pixels: Tensor) -> SeenPhotos:
    """Photos seen once, for any number of words.

    Args:
        network: frozen promptable network, in evaluation mode.
        pixels: B×3×S×S float32 in [-1, 1], see `frame.framed`.
    """
    maps = network.image_encoder.maps(pixels)
    return SeenPhotos(network.image_encoder.embedding(maps), maps[-1])
