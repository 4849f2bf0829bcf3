"""PMP's gate: queries of a mask decoder attend to the words of a prompt (arXiv 2412.10292)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.proposals.prompt_tokens import PromptTokens


class TextGate(nn.Module):
    """`Q ← Q + g · MHA(LN(Q), W_t T, W_t T)`, with g = 0 to begin with: then nothing changes.

    Args:
        width: components of a query.
        text_width: D, components of a token.
        heads: number of heads of the attention.
    """

    def __init__(self, width: int, text_width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.words = nn.Linear(text_width, width, bias=False)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, queries: Tensor, prompt: PromptTokens) -> Tensor:
        """B×N×width queries that know the prompt; those of an empty prompt stay as they are.

        Args:
            queries: B×N×width.
            prompt: words of B prompts; padding may hold anything.
        """
        asked = prompt.seen.any(dim=1)
        if not asked.any():
            return queries
        words = self.words(prompt.vectors.masked_fill(~prompt.seen[..., None], 0))
        # attention over nothing but padding is not a number, so an empty prompt sees its zeros
        padding = ~prompt.seen & asked[:, None]
        told, _ = self.attention(
            self.norm(queries), words, words, key_padding_mask=padding, need_weights=False
        )
        return torch.where(asked[:, None, None], queries + self.gate * told, queries)
