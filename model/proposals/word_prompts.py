"""nano's word prompts: a phrase's tokens become prompts of the frozen promptable decoder.

K queries, alike but for what tells them apart, read the words and look at the photo's coarse cells,
three times over. Each then says whether it shows the phrase, where that is, and how it looks: a box
for the decoder, and what is added to the box' two tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.proposals.text_gate import TextGate
from model.proposals.word_guided import Draw, WordAnswers, WordGuided, boxes_of, spread
from model.segmenters.promptable.network import PromptedSam


@dataclass(frozen=True)
class WordPromptsShape:
    """Sizes of a network of word prompts.

    Attributes:
        queries: K, prompts that a phrase becomes.
        width: C, channels of the decoder's prompts and cells.
        text: components of a token.
        deep: channels of the trunk's map at stride 32.
        heads, mlp: attention heads, and width of the inner layer, of every layer.
        layers: looks at the photo.
    """

    queries: int = 20
    width: int = 128
    text: int = 384
    deep: int = 352
    heads: int = 4
    mlp: int = 256
    layers: int = 3


class WordPrompts(WordGuided):
    """Network from words and a seen photo to prompts.

    Args:
        shape: sizes of the network.
    """

    holds = "word prompts"
    sizes = WordPromptsShape

    def __init__(self, shape: WordPromptsShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or WordPromptsShape()
        width = shape.width
        self.words = nn.Sequential(
            nn.LayerNorm(shape.text),
            nn.Linear(shape.text, shape.mlp),
            nn.GELU(),
            nn.Linear(shape.mlp, width),
        )
        self.ties = nn.Parameter(torch.randn(shape.queries, width) * 0.5)
        self.anchors = nn.Parameter(spread(shape.queries))
        self.deep = nn.Conv2d(shape.deep, width, 1)
        self.cells = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            _Look(width, shape.heads, shape.mlp) for _ in range(shape.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.shows = nn.Linear(width, 1)
        self.box = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 4))
        self.mask = nn.Linear(width, width)
        self.tokens = nn.Linear(width, 2 * width)
        for last in (self.box[-1], self.tokens):
            assert isinstance(last, nn.Linear)
            nn.init.normal_(last.weight, std=0.001)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.shows.bias, -2.0)  # most queries show nothing

    def forward(self, seen: SeenPhotos, places: Tensor, prompt: PromptTokens) -> list[WordAnswers]:
        """Answers after each look, the last one's last.

        Args:
            seen: B photos.
            places: 1×C×h×w, encoded places of the decoder's cells.
            prompt: B prompts.
        """
        coarse = seen.embedding[:, : self.shape.width]  # the first of what `packed` holds
        deep = functional.interpolate(
            self.deep(seen.deep), coarse.shape[2:], mode="bilinear", align_corners=False
        )
        cells = self.cells((coarse + deep).flatten(2).transpose(1, 2))
        where = places.flatten(2).transpose(1, 2)
        words = PromptTokens(self.words(prompt.vectors), prompt.seen)
        heard = (words.vectors * prompt.seen[..., None]).sum(dim=1)
        mean = heard / prompt.seen.sum(dim=1, keepdim=True).clamp(min=1)
        queries = self.ties + mean[:, None]
        answers = []
        for layer in self.layers:
            queries = layer(queries, words, cells, where)
            answers.append(self._said(self.norm(queries), cells, coarse.shape[2:]))
        return answers

    def answered(
        self, promptable: PromptedSam, seen: SeenPhotos, prompt: PromptTokens
    ) -> tuple[list[WordAnswers], Draw]:
        """Answers after each look, and what draws the last one's masks; see `WordGuided`."""
        answers = self(seen, promptable.prompt_encoder.get_dense_pe(), prompt)
        boxes, tokens = answers[-1].boxes, answers[-1].tokens
        return answers, lambda prompts, queries: drawn(
            promptable, seen.embedding[prompts], boxes[prompts, queries], tokens[prompts, queries]
        )

    def _said(self, queries: Tensor, cells: Tensor, grid: torch.Size) -> WordAnswers:
        boxes = boxes_of(self.anchors + self.box(queries))
        coarse = self.mask(queries) @ cells.transpose(1, 2) / self.shape.width**0.5
        tokens = self.tokens(queries).unflatten(2, (2, -1))
        return WordAnswers(self.shows(queries)[..., 0], boxes, coarse.unflatten(2, grid), tokens)


class _Look(nn.Module):
    """Words, each other, the photo, a perceptron: each with a norm before it and a residual."""

    def __init__(self, width: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.words = TextGate(width, width, heads)
        nn.init.ones_(self.words.gate)  # there is no host whose answers are to be kept
        self.among = nn.MultiheadAttention(width, heads, batch_first=True)
        self.photo = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.perceptron = nn.Sequential(nn.Linear(width, mlp), nn.GELU(), nn.Linear(mlp, width))

    def forward(self, x: Tensor, words: PromptTokens, cells: Tensor, where: Tensor) -> Tensor:
        among, photo, own = self.norms
        x = self.words(x, words)
        each = among(x)
        x = x + self.among(each, each, each, need_weights=False)[0]
        x = x + self.photo(photo(x), cells + where, cells, need_weights=False)[0]
        widened: Tensor = self.perceptron(own(x))
        return x + widened


def drawn(
    network: PromptedSam, embedding: Tensor, boxes: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Masks that the frozen decoder draws: N×4h×4w logits, and N estimated IoUs.

    Args:
        network: promptable network.
        embedding: N×4·C×h×w, of the photo of each prompt.
        boxes: N×4, XYXY as shares of the frame's side.
        tokens: N×2×C, added to the corners' tokens.
    """
    encoder = network.prompt_encoder
    # prompts count pixels' centres, boxes their edges
    corners = encoder._embed_boxes(boxes * network.image_encoder.img_size - 0.5)
    _, dense = encoder(None, None, None)
    masks, quality = network.mask_decoder.predict_masks(
        embedding,
        encoder.get_dense_pe(),
        corners + tokens,
        dense.expand(len(boxes), -1, -1, -1),
    )
    return masks[:, 0], quality[:, 0]
