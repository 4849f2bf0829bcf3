"""The sentence tower: all-MiniLM-L6-v2, a six-layer BERT with mean pooling.

Written out rather than taken from transformers, whose import alone takes longer than a search.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from model.errors import WeightsMismatch, shown
from model.weights.quantisation import restored
from model.weights.tensor_file import network_file

BUNDLED = Path(__file__).parents[1] / "presets" / "nano" / "sentence.safetensors"
BUNDLED_TOKENIZER = BUNDLED.with_name("sentence.tokenizer.json")
MAX_TOKENS = 256
BATCH = 64
MAX_CHARACTERS = 40 * MAX_TOKENS  # far more than the tokens kept can hold


class SentenceEncoder:
    """Texts as unit vectors in which near means alike in meaning.

    Args:
        weights: the tower's safetensors file, matrices as `quantised`, the published `config.json`
            in its metadata; by default the bundled one.
        tokenizer: the `tokenizer.json` that belongs to it; by default the bundled one.

    Raises:
        WeightsMismatch: the files are missing or do not belong together.
    """

    def __init__(self, weights: Path | None = None, tokenizer: Path | None = None) -> None:
        weights, tokenizer = weights or BUNDLED, tokenizer or BUNDLED_TOKENIZER
        remedy = "reinstall segsearch, or mend the paths in the preset's file"
        with network_file(weights, "a sentence tower", remedy) as (metadata, tensors):
            shape = json.loads(metadata["config"])
            if shape["hidden_size"] % shape["num_attention_heads"]:
                raise ValueError("its heads do not share its width")
            if shape["num_hidden_layers"] > len(tensors):
                raise ValueError("it has more layers than tensors")
            with torch.device("meta"):
                network = BertEncoder(shape)
            network.load_state_dict(restored(tensors), assign=True)
        self._network = network.eval().requires_grad_(False)
        self.dimension = int(shape["hidden_size"])
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer.read_text(encoding="utf-8"))
            self._tokenizer.enable_truncation(MAX_TOKENS)
            self._tokenizer.no_padding()
        except Exception as error:  # the tokenizer's library raises nothing narrower
            raise WeightsMismatch(f"{shown(tokenizer)} is no tokenizer", remedy) from error
        if self._tokenizer.get_vocab_size() > shape["vocab_size"]:
            raise WeightsMismatch(f"{shown(tokenizer)} belongs to another tower", remedy)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N×D float32 unit rows. Of a long text the first 256 tokens count."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        tokens = self._numbers(texts)
        # those of a batch are about as long: padding costs as much as words
        by_length = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        for start in range(0, len(texts), BATCH):
            chosen = by_length[start : start + BATCH]
            hidden, seen = self._states([tokens[i] for i in chosen])
            mean = (hidden * seen[..., None]).sum(dim=1) / seen.sum(dim=1, keepdim=True)
            vectors[chosen] = functional.normalize(mean, dim=1).numpy()
        return vectors

    @torch.inference_mode()
    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """N×T×D float32 hidden states of the texts' tokens, not pooled, and N×T bool, False for
        padding; the first and the last token of each text say where it begins and ends."""
        return self._states(self._numbers(texts))

    def _numbers(self, texts: Sequence[str]) -> list[Tensor]:
        read = self._tokenizer.encode_batch_fast([_readable(text) for text in texts])
        return [torch.tensor(encoding.ids) for encoding in read]

    def _states(self, tokens: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        padded = nn.utils.rnn.pad_sequence(list(tokens), batch_first=True)
        lengths = torch.tensor([len(each) for each in tokens])[:, None]
        seen = torch.arange(padded.shape[1]) < lengths
        return self._network(padded, seen), seen


class BertEncoder(nn.Module):
    """BERT as in all-MiniLM-L6-v2: post-norm transformer layers over token embeddings.

    Args:
        shape: the published `config.json`.
    """

    def __init__(self, shape: Mapping[str, int]) -> None:
        super().__init__()
        width = shape["hidden_size"]
        self.words = nn.Embedding(shape["vocab_size"], width)
        self.positions = nn.Embedding(shape["max_position_embeddings"], width)
        self.sentence_kinds = nn.Embedding(shape["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(
            BertLayer(width, shape["num_attention_heads"], shape["intermediate_size"])
            for _ in range(shape["num_hidden_layers"])
        )

    def forward(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """N×T×width hidden states of N×T token numbers; `seen` (N×T bool) leaves out padding."""
        place = torch.arange(tokens.shape[1])
        x: Tensor = self.words(tokens) + self.positions(place) + self.sentence_kinds.weight[0]
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, seen[:, None, None, :])
        return x


class BertLayer(nn.Module):
    """Self-attention and a feed-forward block, each with a residual and a norm after it."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attended = nn.Linear(width, width)
        self.attended_norm = nn.LayerNorm(width, eps=1e-12)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.narrow_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """The states (N×T×width) after this layer."""
        n, length, _ = x.shape
        q, k, v = (
            part(x).view(n, length, self.heads, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = self.attended_norm(x + self.attended(mixed.transpose(1, 2).reshape(x.shape)))
        x = self.narrow_norm(x + self.narrow(functional.gelu(self.widen(x))))
        return x


def _readable(text: str) -> str:
    """The part of a text that can count, without what is no character (lone surrogates)."""
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
