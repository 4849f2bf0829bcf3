"""HybridGL's fusion: a segment alone and the same within its photo feed each other.

Liu et al., CVPR 2025, arXiv 2504.00356, as its authors' code does it (papers.md §B).
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.encoders.attention import block_output
from model.referring.masked_vision import BATCH, ClassTokens, token_shares
from model.referring.settings import Fusion

WEIGHT = 2.0
"""Weight of the global tokens beside the local ones wherever both enter a block."""


def fused(
    masked: ClassTokens, local: Tensor, within: Tensor, cover: Tensor, into: Fusion
) -> Tensor:
    """N×D features of segments, some at a time.

    Both views go through the network side by side; of the photo, the class token attends in the
    last blocks only to patches that the mask touches. Beside them go sums: before each of these
    blocks the photo's tokens, masked, enter with the local ones (into `local`), and the local
    tokens with the photo's own (into `global`). `both` adds the two class tokens in the joint
    space.

    Args:
        masked: image side, and the number of its last blocks.
        local: N×3×S×S, the segments without their background, not cropped.
        within: N×3×S×S, the photo a time for each, its background blurred.
        cover: N×P, the share of each patch that each mask covers.
        into: view that the other one is fed into.
    """
    rows = [local.new_zeros(0, masked.dimension)]
    for start in range(0, len(cover), BATCH):
        some = slice(start, start + BATCH)
        alone, among = masked.seen(local[some]), masked.seen(within[some])
        rows.append(_fused(masked, alone, among, cover[some].to(local), into))
    return torch.cat(rows)


def _fused(
    masked: ClassTokens, alone: Tensor, among: Tensor, cover: Tensor, into: Fusion
) -> Tensor:
    """As above, of tokens that enter the last blocks."""
    shares, seen = token_shares(cover), _class_sight(cover)
    to_local, to_global = alone, among
    for block in masked.last_blocks:
        if into != "global":
            to_local = block_output(block, to_local + WEIGHT * (among * shares))
        if into != "local":
            to_global = block_output(block, alone + WEIGHT * to_global, seen=seen)
        alone, among = block_output(block, alone), block_output(block, among, seen=seen)
    if into == "local":
        return masked.vision.whole([to_local])
    if into == "global":
        return masked.vision.whole([to_global])
    return masked.vision.whole([to_local]) + masked.vision.whole([to_global])


def _class_sight(cover: Tensor) -> Tensor:
    """N×1×(1+P)×(1+P) bool: which token sees which; only the class token's sight is limited."""
    length = cover.shape[1] + 1
    seen = torch.ones(len(cover), 1, length, length, dtype=torch.bool, device=cover.device)
    seen[:, 0, 0, 1:] = cover > 0
    return seen
