"""Batches that proposals for words are learned from: seen photos, a prompt each, its regions."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.datasets.corpus import partly_annotated
from model.datasets.ground_truth import Region, TruePhoto
from model.datasets.imagenet_names import naming
from model.encoders.sentence import SentenceEncoder
from model.masks import rle
from model.proposals.prompt_proposer import prompt_tokens
from model.proposals.seen_photo import SeenPhotos
from model.proposals.text_gate import PromptTokens
from model.segmenters.promptable.frame import framed_masks
from model.training.guided_masks.features import PhotoFeatures
from model.training.loop.seeds import mixed_seed

MOST_REGIONS = 12  # of a prompt


@dataclass(frozen=True, eq=False)
class GuidedBatch:
    """B photos with a prompt each.

    Attributes:
        seen: the photos.
        prompt: the prompts.
        cover: B tensors M×4h×4w float32: how much of each cell at stride 4 each region covers
            that shows the prompt; M may be 0.
    """

    seen: SeenPhotos
    prompt: PromptTokens
    cover: tuple[Tensor, ...]


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

    def tokens(self, texts: Sequence[str]) -> PromptTokens:
        """Tokens of B prompts, padded to the longest."""
        each = [self._tokens(text) for text in texts]
        vectors = pad_sequence([vectors for vectors, _ in each], batch_first=True)
        return PromptTokens(vectors, pad_sequence([seen for _, seen in each], batch_first=True))


@dataclass(frozen=True, eq=False)
class GuidedPrompts(Sequence[GuidedBatch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from; each has a phrase.
        order: numbers of the photos of each batch.
        features: maps that the frozen networks make of them.
        phrases: names that may be asked for.
        shares: shares of the prompts that name nothing.
        side: pixels of the square frame.
        seed: decides all prompts.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    features: PhotoFeatures
    phrases: Phrases
    shares: PromptShares
    side: int
    seed: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> GuidedBatch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        chosen = [self.photos[number] for number in self.order[index]]
        asked = [self._asked(photo, chance) for photo in chosen]
        return GuidedBatch(
            together([self.features.of(photo.path) for photo in chosen]),
            self.phrases.tokens([text for text, _ in asked]),
            tuple(
                cover_of(photo, regions[:MOST_REGIONS], self.side)
                for photo, (_, regions) in zip(chosen, asked, strict=True)
            ),
        )

    def _asked(self, photo: TruePhoto, chance: random.Random) -> tuple[str, list[Region]]:
        kind, absent = chance.random(), self.phrases.absent(photo)
        if kind < self.shares.empty:
            return "", chance.sample(photo.regions, len(photo.regions))
        if kind < self.shares.empty + self.shares.negative and absent:
            return chance.choice(absent), []
        phrase = chance.choice(self.phrases.of(photo))
        regions = [region for region in photo.named if phrase in region.phrases]
        return phrase, chance.sample(regions, len(regions))


def cover_of(photo: TruePhoto, regions: Sequence[Region], side: int) -> Tensor:
    """M×side/4×side/4 float32 shares that regions cover of the cells of the square frame."""
    if not regions:
        return torch.zeros(0, side // 4, side // 4)
    return framed_masks(rle.decode([region.counts for region in regions], photo.size), side)


def together(seen: Sequence[SeenPhotos]) -> SeenPhotos:
    """Several photos as one batch."""
    return SeenPhotos(
        torch.cat([each.embedding for each in seen]), torch.cat([each.deep for each in seen])
    )


def _tokens_of(sentences: SentenceEncoder, text: str) -> tuple[Tensor, Tensor]:
    tokens = prompt_tokens(sentences, [text])
    return tokens.vectors[0], tokens.seen[0]
