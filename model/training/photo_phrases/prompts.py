"""Batches of photos with a prompt each, from which words are learned by phrases of photos."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from model.datasets.ground_truth import Region, TruePhoto
from model.proposals.prompt_tokens import PromptTokens
from model.training.loop.seeds import mixed_seed
from model.training.photo_phrases.phrases import Phrases, PromptShares

Batch = TypeVar("Batch")


@dataclass(frozen=True, eq=False)
class PhotoPrompts(Sequence[Batch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from; each has a phrase.
        order: numbers of the photos of each batch.
        phrases: names that may be asked for.
        shares: shares of the prompts that name nothing.
        side: pixels of the longer side at which photos are looked at.
        seed: decides all prompts.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    phrases: Phrases
    shares: PromptShares
    side: int
    seed: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Batch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        chosen = [self.photos[number] for number in self.order[index]]
        asked = [self.phrases.asked(photo, self.shares, chance) for photo in chosen]
        prompt = self.phrases.tokens([text for text, _ in asked])
        return self.batch(chosen, prompt, [regions for _, regions in asked])

    @abstractmethod
    def batch(
        self,
        photos: Sequence[TruePhoto],
        prompt: PromptTokens,
        regions: Sequence[Sequence[Region]],
    ) -> Batch:
        """A batch of photos, with the prompt of each and the regions that show it."""
