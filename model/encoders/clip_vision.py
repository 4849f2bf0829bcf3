"""CLIP's image side, opened up: the states of all blocks, and the parts of the last one.

Two kinds: a vision transformer with a class token (CLIP), and one with an attention pool (SigLIP).
Of both the training-free segment embeddings need the values that the last attention would mix,
and what the network makes of a mixture of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.attention import block_output
from model.errors import PresetInvalid

Size = tuple[int, int]


class ClipVision(ABC):
    """The image side of a CLIP; tokens are B×T×C, with a class token first where there is one.

    Attributes:
        patch: sides of a patch, pixels.
        native: side of the input that it was trained with, pixels.
        width: C, components of a token.
        dimension: D, components of the joint space.
        depth: L, number of blocks.
        prefix: tokens before those of the patches.
        whole_share: weight of the whole photo's values beside a tile's, where there are tiles.
    """

    whole_share: float = 1.0
    patch: int
    native: int
    width: int
    dimension: int
    depth: int
    prefix: int

    @abstractmethod
    def states(self, pixels: Tensor) -> list[Tensor]:
        """L+1 states of B×3×H×W pixels: what enters the first block, and what leaves each."""

    @abstractmethod
    def values(self, states: list[Tensor]) -> Tensor:
        """B×P×C: the patches' values in the network's last attention."""

    def tiled_values(self, total: Tensor) -> Tensor:
        """Values of patches, of those of a tile and `whole_share` of the whole photo's."""
        return total

    @abstractmethod
    def regions(self, total: Tensor, area: Tensor, mlp: bool = True) -> Tensor:
        """N×D: what the network makes of values that were added up over regions.

        Args:
            total: N×C, sums over each region's patches, weighted by its share in each.
            area: N×1, the sums of these weights.
            mlp: whether the perceptron behind the attention takes part.
        """

    @abstractmethod
    def whole(self, states: list[Tensor]) -> Tensor:
        """B×D: the network's own embedding of the photos, not of length 1."""


class ClassTokenVision(ClipVision):
    """A vision transformer with a class token, as OpenAI's and LAION's.

    Args:
        network: open_clip's `VisionTransformer`.

    Attributes:
        blocks: its residual attention blocks.
    """

    prefix = 1

    def __init__(self, network: Any) -> None:
        self._network = network
        self.blocks = network.transformer.resblocks
        self.patch = int(network.patch_size[0])
        self.native = int(network.image_size[0])
        self.width = int(network.conv1.out_channels)
        self.dimension = int(network.output_dim)
        self.depth = len(self.blocks)

    def entering(self, pixels: Tensor) -> Tensor:
        """B×(1+P)×C tokens that enter the first block; positions are interpolated to the input."""
        network = self._network
        patches = network.conv1(pixels.to(network.conv1.weight))
        positions = network.positional_embedding
        places = interpolated(positions[1:], network.grid_size, patches.shape[-2:])
        patches = patches.flatten(2).transpose(1, 2) + places
        first = (network.class_embedding + positions[0]).expand(len(patches), 1, -1)
        tokens: Tensor = network.ln_pre(torch.cat([first, patches], dim=1))
        return tokens

    def states(self, pixels: Tensor) -> list[Tensor]:
        """States of the base's `states`."""
        states = [self.entering(pixels)]
        for block in self.blocks:
            states.append(block_output(block, states[-1]))
        return states

    def values(self, states: list[Tensor]) -> Tensor:
        """V(X^(L-1)) of papers.md §E."""
        return self.values_of(states[-2])[:, 1:]

    def values_of(self, tokens: Tensor) -> Tensor:
        """V(X) = W_v ln1(X) + b_v of any tokens, with the last block's weights."""
        attention = self.blocks[-1].attn
        width = self.width
        weight, bias = attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
        return functional.linear(self.blocks[-1].ln_1(tokens), weight, bias)

    def mixed(self, values: Tensor) -> Tensor:
        """W_o v + b_o: what the last attention gives for a mixture of values."""
        return self._typed(self.blocks[-1].attn.out_proj, values)

    def normal(self, tokens: Tensor) -> Tensor:
        """ln_post(z)."""
        return self._typed(self._network.ln_post, tokens)

    def projected(self, tokens: Tensor) -> Tensor:
        """P t: tokens after the last norm in the joint space."""
        projection: Tensor = self._network.proj.to(tokens.dtype)
        return tokens @ projection

    def regions(self, total: Tensor, area: Tensor, mlp: bool = True) -> Tensor:
        """Sums, not means: with the sum the value outweighs the feed-forward part (R1)."""
        mixed = self.mixed(total)
        if not mlp:
            return self.projected(self.normal(mixed))
        block = self.blocks[-1]
        fed = self._typed(nn.Sequential(block.ln_2, block.mlp), mixed)
        return self.projected(self.normal(mixed + fed))

    def whole(self, states: list[Tensor]) -> Tensor:
        """The class token in the joint space."""
        return self.projected(self.normal(states[-1][:, 0]))

    def _typed(self, part: nn.Module, values: Tensor) -> Tensor:
        """A part's answer in the values' type, computed in the part's."""
        typed: Tensor = part(values.to(self._network.conv1.weight.dtype))
        return typed.to(values.dtype)


class AttentionPoolVision(ClipVision):
    """A vision transformer whose patches a learned query attends to, as SigLIP's (MAP head).

    Args:
        network: open_clip's `TimmModel` around a timm transformer with an attention pool.
    """

    prefix = 0
    whole_share = 0.5

    def __init__(self, network: Any) -> None:
        self._network = network.trunk
        self._head = network.head
        self._pool = self._network.attn_pool
        self.patch = int(self._network.patch_embed.patch_size[0])
        self.native = int(self._network.patch_embed.img_size[0])
        self.width = int(self._network.embed_dim)
        self.dimension = int(self._pool.out_features)
        self.depth = len(self._network.blocks)

    def states(self, pixels: Tensor) -> list[Tensor]:
        """States of the base's `states`; positions are interpolated to the input."""
        network = self._network
        patches = network.patch_embed.proj(pixels.to(network.pos_embed))
        grid = network.patch_embed.grid_size
        places = interpolated(network.pos_embed[0], grid, patches.shape[-2:])
        states = [network.norm_pre(patches.flatten(2).transpose(1, 2) + places)]
        for block in network.blocks:
            states.append(block(states[-1]))
        return states

    def values(self, states: list[Tensor]) -> Tensor:
        """The values of the pool, which comes after all blocks."""
        weight, bias = self._pool.kv.weight[self.width :], self._pool.kv.bias[self.width :]
        return functional.linear(self._network.norm(states[-1]), weight, bias)

    def tiled_values(self, total: Tensor) -> Tensor:
        """The values of ½ x of the whole photo and x of the tile, before which the released code
        adds up: their bias counts once."""
        bias: Tensor = self._pool.kv.bias[self.width :].to(total)
        return total - self.whole_share * bias

    def regions(self, total: Tensor, area: Tensor, mlp: bool = True) -> Tensor:
        """The pool with one key for all patches: its attention is even over the region."""
        pool, dtype = self._pool, self._network.pos_embed.dtype
        pooled = pool.proj((total / area).to(dtype))
        regions: Tensor = self._head(pooled + pool.mlp(pool.norm(pooled)) if mlp else pooled)
        return regions.to(total.dtype)

    def whole(self, states: list[Tensor]) -> Tensor:
        """The pool's own answer."""
        network = self._network
        whole: Tensor = self._head(network.forward_head(network.norm(states[-1])))
        return whole


def vision_of(network: Any) -> ClipVision:
    """The image side of an open_clip network.

    Raises:
        PresetInvalid: the network is neither of the two kinds.
    """
    from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

    visual = network.visual
    if isinstance(visual, VisionTransformer):
        plain = all(type(b) is ResidualAttentionBlock for b in visual.transformer.resblocks)
        if plain and visual.attn_pool is None and visual.pool_type == "tok":
            return ClassTokenVision(visual)
    pool = getattr(getattr(visual, "trunk", None), "attn_pool", None)
    if pool is not None and visual.trunk.num_prefix_tokens == 0:
        return AttentionPoolVision(visual)
    raise PresetInvalid(
        "the image side is no vision transformer with a class token or an attention pool",
        "choose an architecture like ViT-B-16 or ViT-B-16-SigLIP2",
    )


def interpolated(positions: Tensor, grid: Size, wanted: Size) -> Tensor:
    """Position embeddings of a grid (P×C) on another one: bicubic, antialiased, as open_clip's."""
    if tuple(grid) == tuple(wanted):
        return positions
    table = positions.float().reshape(1, *grid, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(
        table, tuple(wanted), mode="bicubic", antialias=True, align_corners=False
    )
    return resized[0].flatten(1).T.to(positions.dtype)
