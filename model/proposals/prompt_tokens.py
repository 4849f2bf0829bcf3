"""Words of prompts as networks read them: tokens of the sentence encoder, not pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.encoders.sentence import SentenceEncoder


@dataclass(frozen=True, eq=False)
class PromptTokens:
    """Words of B prompts, not pooled.

    Attributes:
        vectors: B×T×D float, hidden states of a text encoder's tokens.
        seen: B×T bool, False for padding; a prompt without any True is empty.
    """

    vectors: Tensor
    seen: Tensor


def prompt_tokens(sentences: SentenceEncoder, prompts: Sequence[str]) -> PromptTokens:
    """Tokens of prompts; those of an empty one count as none."""
    vectors, seen = sentences.tokens(prompts)
    asked = torch.tensor([bool(prompt.strip()) for prompt in prompts])
    return PromptTokens(vectors.clone(), seen & asked[:, None])
