"""Phrases that photos are asked for: what they show, what they surely do not, and nothing said."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.datasets.corpus import partly_annotated
from model.datasets.ground_truth import Region, TruePhoto
from model.datasets.imagenet_names import naming
from model.encoders.sentence import SentenceEncoder
from model.proposals.prompt_tokens import PromptTokens, prompt_tokens


@dataclass(frozen=True)
class PromptShares:
    """Shares of the prompts that name nothing in their photo.

    Attributes:
        empty: share of prompts without words, which mean all regions.
        negative: share of prompts for what the photo does not show, of sources that name all
            that they know.
    """

    empty: float = 0.1
    negative: float = 0.25

    def __post_init__(self) -> None:
        if self.empty < 0 or self.negative < 0 or self.empty + self.negative > 1:
            raise ValueError(
                f"empty and negative are {self.empty} and {self.negative}, expected shares that"
                " are 1 together at most"
            )


class Phrases:
    """Phrases that photos are asked for, and their tokens.

    Args:
        photos: photos with named regions.
        sentences: encoder of the tokens.
        unseen: phrases that are never asked for in training.
    """

    def __init__(
        self, photos: Sequence[TruePhoto], sentences: SentenceEncoder, unseen: Sequence[str]
    ) -> None:
        self._held = naming(unseen)
        self._tokens = lru_cache(maxsize=None)(lambda text: _tokens_of(sentences, text))
        known: dict[str, set[str]] = defaultdict(set)
        for photo in photos:
            known[photo.source].update(self.of(photo))
        self._known: Mapping[str, list[str]] = {name: sorted(some) for name, some in known.items()}

    def of(self, photo: TruePhoto) -> list[str]:
        """Phrases of a photo that may be asked for in training."""
        named = {phrase for region in photo.named for phrase in region.phrases}
        return sorted(phrase for phrase in named if not self.held(phrase))

    def held(self, phrase: str) -> bool:
        """Whether a phrase is kept from training."""
        return self._held is not None and self._held.search(phrase) is not None

    def absent(self, photo: TruePhoto) -> list[str]:
        """Phrases that a photo surely does not show: those that its source names elsewhere, if it
        names all that it knows."""
        if partly_annotated(photo.source):
            return []
        shown = {phrase for region in photo.named for phrase in region.phrases}
        return [phrase for phrase in self._known[photo.source] if phrase not in shown]

    def asked(
        self, photo: TruePhoto, shares: PromptShares, chance: random.Random
    ) -> tuple[str, list[Region]]:
        """A prompt for a photo, and the regions that show it, in any order.

        Args:
            photo: photo of which a phrase may be asked for.
            shares: shares of the prompts that name nothing.
            chance: source of random numbers.
        """
        kind, absent = chance.random(), self.absent(photo)
        if kind < shares.empty:
            return "", chance.sample(photo.regions, len(photo.regions))
        if kind < shares.empty + shares.negative and absent:
            return chance.choice(absent), []
        phrase = chance.choice(self.of(photo))
        regions = [region for region in photo.named if phrase in region.phrases]
        return phrase, chance.sample(regions, len(regions))

    def tokens(self, texts: Sequence[str]) -> PromptTokens:
        """Tokens of B prompts, padded to the longest."""
        each = [self._tokens(text) for text in texts]
        vectors = pad_sequence([vectors for vectors, _ in each], batch_first=True)
        return PromptTokens(vectors, pad_sequence([seen for _, seen in each], batch_first=True))


def _tokens_of(sentences: SentenceEncoder, text: str) -> tuple[Tensor, Tensor]:
    tokens = prompt_tokens(sentences, [text])
    return tokens.vectors[0], tokens.seen[0]
