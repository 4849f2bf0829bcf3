"""CorrCLIP: patches of one mask exchange CLIP's values by DINOv2's likeness (papers.md §E, R2).

The published code takes a partition of the photo; here masks may overlap, and the exchange is made
for each mask by itself. What no mask covers has no embedding, so it takes no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from model.encoders.clip_tower import ClipView
from model.encoders.clip_vision import ClassTokenVision, ClipVision
from model.encoders.dino_tower import DinoView
from model.encoders.tiling import Size, enlarged
from model.errors import PresetInvalid
from model.masks.coverage import coverage, members
from model.masks.segments import Segments

SHARPNESS = 4.0
SEMANTIC = 0.5  # weight of the class token's part
CELLS = 1 << 21  # of attention tables that are held at once


def corr_clip(vision: ClipVision, clip: ClipView, dino: DinoView, segments: Segments) -> Tensor:
    """N×D: one embedding a mask in CLIP's own space, not of length 1.

    On a grid twice as fine as CLIP's, for each patch p of a mask:
    f_p = P[ln_post(main_p) + ln_post(spat_p) + ½ ln_post(sem)], and e = mean of the mask's f_p.

    Args:
        vision: CLIP's image side.
        clip: features of CLIP, with the middle blocks.
        dino: features of DINOv2.
        segments: the masks.

    Raises:
        PresetInvalid: this CLIP has no class token.
    """
    if clip.middle is None or not isinstance(vision, ClassTokenVision):
        raise PresetInvalid(
            "corr-clip needs a CLIP with a class token",
            "choose the method text-region in the preset's file",
        )
    grid = (2 * clip.grid[0], 2 * clip.grid[1])
    device = clip.values.device
    inside = members(coverage(segments, grid)).to(device)
    keys = functional.normalize(_resampled(dino.features.to(device), dino.grid, grid), dim=1)
    # mixing weighs by shares that sum to 1, so W_o and b_o may come before it
    parts = [
        vision.mixed(_resampled(values, clip.grid, grid)) for values in (clip.values, clip.middle)
    ]
    local = exchanged(vision, keys, torch.cat(parts, dim=1), inside)
    shown = members(coverage(segments, clip.first_grid)).to(device)
    semantic = vision.normal(class_copies(vision, clip.states, shown).to(local.dtype))
    return vision.projected(local + SEMANTIC * semantic)


def exchanged(vision: ClassTokenVision, keys: Tensor, values: Tensor, inside: Tensor) -> Tensor:
    """N×C: the mean, over each mask's patches, of ln_post(main_p) + ln_post(spat_p).

    A_pq = softmax over q in p's mask of 4 g_p·g_q. Masks of like size are padded to one and
    computed together; of large ones, a part of the rows of A at a time.

    Args:
        vision: CLIP's image side, for its ln_post.
        keys: P×G unit rows g.
        values: P×2C, what is mixed: main's and spat's side by side.
        inside: N×P bool.
    """
    result = values.new_zeros((len(inside), values.shape[1] // 2))
    for rows, places, filled in _batches(inside):
        own, mixed = keys[places], values[places]
        hidden = torch.zeros_like(filled, dtype=keys.dtype).masked_fill_(~filled, -torch.inf)
        step = max(CELLS // filled.numel(), 1)
        for asking, counted in zip(
            torch.split(own, step, 1), torch.split(filled, step, 1), strict=True
        ):
            logits = SHARPNESS * asking @ own.transpose(1, 2) + hidden[:, None, :]
            main, spatial = (logits.softmax(dim=2) @ mixed).chunk(2, dim=2)
            both = (vision.normal(main) + vision.normal(spatial)) * counted[..., None]
            result[rows] += both.sum(dim=1)
        result[rows] /= filled.sum(dim=1, keepdim=True)
    return result


def class_copies(vision: ClassTokenVision, states: Sequence[Tensor], inside: Tensor) -> Tensor:
    """N×C: a copy of the class token for each mask, after all blocks.

    In every block it attends only to the true class token and to its mask's patches, which go
    their way as if it were not there.

    Args:
        vision: CLIP's image side.
        states: L+1 tensors 1×(1+P)×C.
        inside: N×P bool.
    """
    hidden = torch.zeros(inside.shape[0], inside.shape[1] + 1).to(states[0])
    hidden[:, 1:].masked_fill_(~inside, -torch.inf)
    copies = states[0][:, :1].expand(1, len(inside), -1)
    for block, state in zip(vision.blocks, states[:-1], strict=True):
        seen = block.ln_1(state)
        mixed = block.attention(block.ln_1(copies), seen, seen, attn_mask=hidden)
        copies = copies + block.ls_1(mixed)
        copies = copies + block.ls_2(block.mlp(block.ln_2(copies)))
    return copies[0]


def _batches(inside: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Masks of like size together: their rows, B×n places of patches, and B×n which are theirs."""
    sizes = inside.sum(dim=1)
    order = sizes.argsort(descending=True).tolist()
    start = 0
    while start < len(order):
        n = int(sizes[order[start]])
        end = start + 1
        # half as large is padded too much
        while (
            end < len(order)
            and 2 * int(sizes[order[end]]) > n
            and (end + 1 - start) * n * n <= CELLS
        ):
            end += 1
        rows = torch.tensor(order[start:end], device=inside.device)
        ranked = inside[rows].to(torch.int8).sort(dim=1, descending=True, stable=True)
        yield rows, ranked.indices[:, :n], ranked.values[:, :n].bool()
        start = end


def _resampled(values: Tensor, grid: Size, wanted: Size) -> Tensor:
    """P'×C: patches of one grid (P×C) on another."""
    return enlarged(values.reshape(*grid, -1), wanted).flatten(0, 1)
