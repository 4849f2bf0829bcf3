"""PMP's gate in nano's frozen promptable decoder: the ablation of word prompts.

Each of K queries is a prompt of its own: a box and what is added to its two tokens, the same for
all words. In both blocks of the decoder's two-way transformer its tokens then hear the words,
behind the attention to the photo and its norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.proposals.text_gate import TextGate
from model.proposals.word_guided import Draw, WordAnswers, WordGuided, boxes_of, spread
from model.segmenters.promptable.network import PromptedSam


@dataclass(frozen=True)
class GatedShape:
    """Sizes of a gated decoder.

    Attributes:
        queries: K, prompts that are drawn for a phrase.
        width: C, channels of the decoder's tokens and cells.
        text: components of a word's token.
        deep: channels of the trunk's map at stride 32.
        heads: attention heads of a gate.
        blocks: blocks of the decoder's transformer.
    """

    queries: int = 20
    width: int = 128
    text: int = 384
    deep: int = 352
    heads: int = 4
    blocks: int = 2


class GatedDecoder(WordGuided):
    """Gates, prompts and a head for a frozen decoder.

    As it is made, masks are those that the decoder draws for the queries' boxes.

    Args:
        shape: sizes of the network.
    """

    holds = "a gated decoder"
    sizes = GatedShape

    def __init__(self, shape: GatedShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or GatedShape()
        width = shape.width
        self.anchors = nn.Parameter(spread(shape.queries))
        self.ties = nn.Parameter(torch.zeros(shape.queries, 2, width))
        # what things are: cells that were taught to outline anything hardly tell
        self.deep = nn.Conv2d(shape.deep, width, 1, bias=False)
        nn.init.zeros_(self.deep.weight)
        self.gates = nn.ModuleList(
            TextGate(width, shape.text, shape.heads) for _ in range(shape.blocks)
        )
        last = nn.Linear(width, 1)
        nn.init.constant_(last.bias, -2.0)  # most queries show nothing
        self.shows = nn.Sequential(nn.Linear(width, width), nn.GELU(), last)

    def answered(
        self, promptable: PromptedSam, seen: SeenPhotos, prompt: PromptTokens
    ) -> tuple[list[WordAnswers], Draw]:
        """Answers of the one look there is, whose masks are drawn by then; see `WordGuided`."""
        encoder, decoder = promptable.prompt_encoder, promptable.mask_decoder
        each = (len(seen.embedding), self.shape.queries)
        boxes = boxes_of(self.anchors)
        # prompts count pixels' centres, boxes their edges
        corners = encoder._embed_boxes(boxes * promptable.image_encoder.img_size - 0.5)
        _, dense = encoder(None, None, None)
        deep = functional.interpolate(
            self.deep(seen.deep), dense.shape[2:], mode="bilinear", align_corners=False
        )
        with self._inside(decoder.transformer, prompt) as said:
            drawn, quality = decoder.predict_masks(
                seen.embedding,
                encoder.get_dense_pe(),
                (corners + self.ties).repeat(each[0], 1, 1),
                (dense + deep).repeat_interleave(each[1], dim=0),
            )
        masks, sure = drawn[:, 0].view(*each, *drawn.shape[2:]), quality[:, 0].view(each)
        token = said[0][:, 1].view(*each, -1)  # of the masks that are drawn
        answer = WordAnswers(
            self.shows(token)[..., 0],
            boxes.expand(each[0], -1, -1),
            functional.avg_pool2d(masks, 4),
            self.ties.expand(each[0], -1, -1, -1),
        )
        return [answer], lambda prompts, queries: (masks[prompts, queries], sure[prompts, queries])

    @contextmanager
    def _inside(self, transformer: Any, prompt: PromptTokens) -> Iterator[list[Tensor]]:
        """The gates in their places, and a list that gets the B·K×N×C tokens as they come out."""
        said: list[Tensor] = []
        hooks = [transformer.register_forward_hook(lambda _, __, out: said.append(out[0]))]
        try:
            for block, gate in zip(transformer.layers, self.gates, strict=True):
                hooks.append(block.norm2.register_forward_hook(_told(gate, prompt)))
            yield said
        finally:
            for hook in hooks:
                hook.remove()


def _told(gate: nn.Module, prompt: PromptTokens) -> Any:
    """A hook by which B·K×N×C tokens, those of a photo one after another, hear its prompt."""

    def hook(_: nn.Module, __: Any, tokens: Tensor) -> Tensor:
        together = tokens.reshape(len(prompt.seen), -1, tokens.shape[2])
        told: Tensor = gate(together, prompt)
        return told.view_as(tokens)

    return hook
