"""CLIP's text side: a phrase in 80 sentences, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.attention import block_output
from model.encoders.clip_weights import ClipNetwork

TEMPLATES = Path(__file__).with_name("imagenet_templates.txt")
BATCH = 256
MAX_CHARACTERS = 4096  # far more than the tokens kept can hold


class ClipText:
    """Phrases as unit vectors of CLIP's space.

    Args:
        clip: the network.
        templates: sentences with a place `{}` for the phrase; by default the 80 of ImageNet that
            CLIP was published with.
    """

    def __init__(self, clip: ClipNetwork, templates: Sequence[str] = ()) -> None:
        self._clip = clip
        self._templates = tuple(templates) or imagenet_templates()
        self._plain = _is_plain(clip.network)

    @torch.inference_mode()
    def encode(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """N×D unit rows of N ≥ 1 phrases: means over the templates' unit vectors. Long phrases are
        cut by the tokenizer."""
        sentences = [
            template.replace("{}", phrase)
            for phrase in map(_readable, phrases)
            for template in self._templates
        ]
        tokens = self._clip.tokenizer(sentences)
        parts = [self._encoded(part) for part in torch.split(tokens, BATCH)]
        found = functional.normalize(torch.cat(parts).float(), dim=1)
        means = found.reshape(len(phrases), len(self._templates), -1).mean(dim=1)
        return np.asarray(functional.normalize(means, dim=1).cpu().numpy(), np.float32)

    def _encoded(self, tokens: Tensor) -> Tensor:
        tokens = tokens.to(self._clip.device)
        if self._plain:
            return _causal(self._clip.network, tokens)
        encoded: Tensor = self._clip.network.encode_text(tokens)
        return encoded


def _is_plain(network: Any) -> bool:
    """Whether the text side is CLIP's own: causal, and read where the text ends."""
    from open_clip.transformer import ResidualAttentionBlock

    if getattr(network, "text_pool_type", "") != "argmax" or network.attn_mask is None:
        return False
    return all(type(block) is ResidualAttentionBlock for block in network.transformer.resblocks)


def _causal(network: Any, tokens: Tensor) -> Tensor:
    """open_clip's `encode_text` without the padding, which no word of a causal transformer sees:
    sentences fill a fifth of the places that there are."""
    ends = tokens.argmax(dim=1)  # the end of a text has the highest number
    length = int(ends.max()) + 1
    x = network.token_embedding(tokens[:, :length]) + network.positional_embedding[:length]
    for block in network.transformer.resblocks:
        x = block_output(block, x, causal=True)
    last = network.ln_final(x[torch.arange(len(x), device=x.device), ends])
    projection = network.text_projection
    encoded: Tensor = projection(last) if isinstance(projection, nn.Module) else last @ projection
    return encoded


@cache
def imagenet_templates() -> tuple[str, ...]:
    """The 80 sentences of OpenAI's ImageNet evaluation."""
    return tuple(TEMPLATES.read_text(encoding="utf-8").splitlines())


def _readable(phrase: str) -> str:
    """The part of a phrase that can count, without what is no character (lone surrogates)."""
    return phrase[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
