"""Context that all points of one photo share in the folded decoder, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.segmenters.sam.networks.decoder_parts import DecoderParts

SUB = 4  # cells that one becomes in each transposed convolution of 2×2


@dataclass(frozen=True, eq=False)
class Scene:
    """One photo, as all of its points see it.

    Attributes:
        size: (h, w) cells.
        cells: N×C, what the image encoder says with the embedding of "no mask" added.
        key, value: tensors of the first block's attention to the image, heads×d×N and heads×N×d.
        query: queries of the first block's attention to the tokens, heads×d×N.
        places_key: keys of the positions alone, heads×d×N, for each block and the last attention.
        places_query: queries of the positions alone, heads×d×N, for each block.
        fine: features added in the enlarging, N×4·C₁ and 4N×4·C₂ in the order of its cells.
        detail: C₂×4h×4w, of what a refining decoder draws besides.
    """

    size: tuple[int, int]
    cells: Tensor
    key: Tensor
    value: Tensor
    query: Tensor
    places_key: tuple[Tensor, ...]
    places_query: tuple[Tensor, ...]
    fine: tuple[Tensor, Tensor] | None
    detail: Tensor | None


def shared_scene(
    parts: DecoderParts,
    cells: Tensor,
    places: Tensor,
    fine: Sequence[Tensor] | None,
    detail: Tensor | None,
    dtype: torch.dtype,
) -> Scene:
    """The scene of a photo.

    Args:
        parts: parts of the decoder.
        cells: C×h×w of the image encoder, the embedding of "no mask" added.
        places: C×h×w position encoding.
        fine: C₁×2h×2w and C₂×4h×4w, or None.
        detail: C₂×4h×4w, or None.
        dtype: number format of the tensors; the arguments are at least as wide.
    """
    image, position = (x.flatten(1).T for x in (cells, places))
    first = parts.blocks[0]

    def by_head(layer: nn.Linear, x: Tensor, heads: int, *, bias: bool = True) -> Tensor:
        projected = functional.linear(x, layer.weight, layer.bias if bias else None).to(dtype)
        return projected.view(len(x), heads, -1).permute(1, 2, 0).contiguous()

    heads = first.to_image.heads
    return Scene(
        (cells.shape[1], cells.shape[2]),
        image.to(dtype).contiguous(),
        by_head(first.to_image.key, image + position, heads),
        by_head(first.to_image.value, image, heads).transpose(1, 2).contiguous(),
        by_head(first.to_tokens.query, image + position, first.to_tokens.heads),
        # a key's bias adds the same to all scores of a query: softmax does not see it
        tuple(
            by_head(each.key, position, each.heads, bias=False)
            for each in (*(block.to_image for block in parts.blocks), parts.last)
        ),
        tuple(
            by_head(each.query, position, each.heads)
            for each in (block.to_tokens for block in parts.blocks)
        ),
        None if fine is None else _in_order(*(x.to(cells.device, dtype) for x in fine)),
        None if detail is None else detail.to(cells.device, dtype),
    )


def in_rows(nested: Tensor, size: tuple[int, int]) -> Tensor:
    """R×K×4h×4w maps, row by row, of R×K×16·h·w in the order in which cells are enlarged."""
    h, w = size
    apart = nested.view(*nested.shape[:2], h, w, 2, 2, 2, 2)
    return apart.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(*nested.shape[:2], 4 * h, 4 * w)


def _in_order(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Maps as the enlarging lays its pixels out: cell, then sub-cell, then sub-sub-cell."""
    h, w = first.shape[1] // 2, first.shape[2] // 2
    one = first.view(-1, h, 2, w, 2).permute(1, 3, 2, 4, 0)
    two = second.view(-1, h, 2, 2, w, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
    return one.reshape(h * w, -1), two.reshape(h * w * SUB, -1)
