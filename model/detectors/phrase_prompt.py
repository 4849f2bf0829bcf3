"""Prompts of many phrases, and which of a prompt's tokens are whose.

Grounding DINO (Liu et al., arXiv 2303.05499) reads a prompt of phrases, each ended by a full stop,
and scores every box with every token. The published post-processing joins all tokens that score
well into one label, so that of "cat. remote control." a box may be called "cat remote". Here each
phrase has a score of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_ENDS = re.compile(r"[.?]")  # what ends a phrase for the model
_AROUND = 2  # tokens before and behind all phrases


@dataclass(frozen=True)
class PhrasePrompt:
    """Phrases that are asked for at once.

    Attributes:
        phrases: phrases without what would end them.
        text: prompt, "red car. car door."
        spans: (start, end) of each phrase in the text, characters.
    """

    phrases: tuple[str, ...]
    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, phrases: Sequence[str]) -> PhrasePrompt:
        """The prompt of some phrases."""
        spans, text = [], ""
        for phrase in phrases:
            text += " " if text else ""
            spans.append((len(text), len(text) + len(phrase)))
            text += f"{phrase}."
        return cls(tuple(phrases), text, tuple(spans))

    def tokens(self, offsets: Sequence[tuple[int, int]]) -> list[list[int]]:
        """Numbers of each phrase's tokens.

        Args:
            offsets: (start, end) of each token in the text, characters; special tokens have none.
        """
        return [
            [number for number, (a, b) in enumerate(offsets) if start <= a < b <= end]
            for start, end in self.spans
        ]


def one_phrase(text: str) -> str:
    """A text as a single phrase: lower case, with nothing in it that would end one."""
    return " ".join(_ENDS.sub(" ", text.lower()).split())


def prompts(phrases: Sequence[str], tokenizer: Any, longest: int) -> list[PhrasePrompt]:
    """The phrases in their order, as many a prompt as fit; none is on both sides of a cut.

    Args:
        phrases: phrases as `one_phrase` leaves them.
        tokenizer: fast tokenizer of transformers.
        longest: tokens of a prompt at most. A phrase that does not fit alone loses its beginning:
            the noun comes last.
    """
    room = longest - _AROUND
    cut: list[str] = []
    lengths: list[int] = []
    for phrase in phrases:
        read = tokenizer(phrase, add_special_tokens=False, return_offsets_mapping=True)
        places = read["offset_mapping"][-(room - 1) :]
        cut.append(phrase[places[0][0] :] if places else phrase)
        lengths.append(len(places) + 1)
    return [
        PhrasePrompt.of([cut[number] for number in numbers]) for numbers in batches(lengths, room)
    ]


def batches(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Numbers of things in their order, in batches whose lengths add up to `room` at most; what is
    longer is a batch of its own."""
    made: list[list[int]] = []
    left = 0
    for number, length in enumerate(lengths):
        if not made or length > left:
            made.append([])
            left = room
        made[-1].append(number)
        left -= length
    return made


def phrase_scores(logits: Tensor, tokens: Sequence[Sequence[int]]) -> Tensor:
    """T×Q scores of boxes for phrases: sigmoids of the logits, the highest of a phrase's tokens.

    Args:
        logits: Q×L, of each box with each token.
        tokens: T lists of numbers of tokens; a phrase without any scores 0.
    """
    scores = logits.sigmoid()
    nothing = scores.new_zeros(len(scores))
    each = [scores[:, list(own)].amax(dim=1) if own else nothing for own in tokens]
    return torch.stack(each)
