"""A residual attention block of open_clip, without the copies that its own attention makes.

`nn.MultiheadAttention` turns a batch around before it projects it, and torch then copies the
weights for every row: half of the time of a batch of short texts.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional


def block_output(
    block: Any, tokens: Tensor, causal: bool = False, seen: Tensor | None = None
) -> Tensor:
    """What an open_clip `ResidualAttentionBlock` makes of tokens (B×T×C).

    Args:
        block: the block.
        tokens: tokens that enter the attention.
        causal: whether a token sees only those before it.
        seen: bool, to be broadcast to B×heads×T×T: which token sees which; all by default.
    """
    attention = block.attn
    projected = functional.linear(
        block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias
    )
    batch, length, width = tokens.shape
    q, k, v = projected.view(batch, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
    tokens = tokens + block.ls_1(
        attention.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
    )
    fed: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return fed
