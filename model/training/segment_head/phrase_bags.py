"""Photos with phrases that are said of them, and the masks that may show what they name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.pairs import PHOTO_KIND, TrainingPair
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, PhotoError
from model.language.noun_phrases import noun_phrases
from model.training.loop.task import TaskContext
from model.training.segment_head.segmenter_pairs import PhotoFeatures, Proposer


@dataclass(frozen=True, eq=False)
class PhraseBags:
    """N photos.

    Attributes:
        sights: masks of each photo as the head sees them; one at least.
        phrases: phrases of each photo's captions; one at least.
    """

    sights: tuple[PhotoFeatures, ...]
    phrases: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.sights)

    def without(self, named: re.Pattern[str]) -> PhraseBags:
        """Bags without the phrases that the pattern finds; a photo left with none is dropped."""
        left = [tuple(p for p in of if not named.search(p)) for of in self.phrases]
        kept = [number for number, of in enumerate(left) if of]
        return PhraseBags(
            tuple(self.sights[number] for number in kept), tuple(left[number] for number in kept)
        )

    def counts(self) -> Counter[str]:
        """Number of photos that each phrase is said of."""
        return Counter(phrase for of_photo in self.phrases for phrase in of_photo)

    def true(self) -> list[tuple[str, ...]]:
        """What is true of each photo: what is said of it, and what that ends with, where anybody
        says so: a brown dog is a dog, if "dog" is said of some photo."""
        said = self.counts()
        ends = [dict.fromkeys(end for p in of for end in _ends(p)) for of in self.phrases]
        return [tuple(end for end in of if end in said) for of in ends]


@dataclass(frozen=True, eq=False)
class DrawnBags:
    """B photos, M masks of each and one of its phrases.

    Attributes:
        photos: B int64, their numbers.
        pooled: B·M×C float16, photo after photo.
        whole: B·M×G float16.
        places: B·M×20 float32.
        phrases: B.
    """

    photos: NDArray[np.int64]
    pooled: NDArray[np.float16]
    whole: NDArray[np.float16]
    places: NDArray[np.float32]
    phrases: tuple[str, ...]


class BagDraws:
    """Draws different photos, a look at each, masks of them and phrases; rare phrases oftener.

    Args:
        bags: photos to draw from.
        photos: number of photos in a draw, if there are as many.
        masks: number of masks of each; of photos with fewer, some come twice.
        balance: weight of rare phrases in the draw, see `model.training.segment_head.balance`.
    """

    def __init__(self, bags: PhraseBags, photos: int, masks: int, balance: float) -> None:
        self._bags, self._masks = bags, masks
        self._photos = min(photos, len(bags))
        counts = bags.counts()
        weights = [np.array([counts[p] ** -balance for p in of]) for of in bags.phrases]
        self._weights = [of / of.sum() for of in weights]

    def draw(self, random: np.random.Generator) -> DrawnBags:
        """What the generator's state says."""
        photos = random.choice(len(self._bags), self._photos, replace=False)
        parts = [self._seen(self._bags.sights[photo], random) for photo in photos.tolist()]
        pooled, whole, where = (np.concatenate(of) for of in zip(*parts, strict=True))
        return DrawnBags(
            photos, pooled, whole, where, tuple(self._said(p, random) for p in photos.tolist())
        )

    def _seen(
        self, sight: PhotoFeatures, random: np.random.Generator
    ) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.float32]]:
        look = random.integers(len(sight.pooled))
        count = len(sight.places)
        chosen = random.choice(count, self._masks, replace=count < self._masks)
        whole = np.broadcast_to(sight.whole[look], (self._masks, sight.whole.shape[1]))
        return sight.pooled[look, chosen], whole, sight.places[chosen]

    def _said(self, photo: int, random: np.random.Generator) -> str:
        phrases = self._bags.phrases[photo]
        return phrases[int(random.choice(len(phrases), p=self._weights[photo]))]


def phrase_bags(
    pairs: Iterable[TrainingPair],
    sources: Sequence[str],
    proposer: Proposer,
    context: TaskContext,
    skipped: SkippedRows,
) -> PhraseBags:
    """The captioned photos among the pairs, seen through a segmenter, from its cache or now.

    Args:
        pairs: pairs of any photos; those of captions are used.
        sources: names of the sources with captions to use; none: all.
        proposer: segmenter that sees the photos.
        context: surroundings of the task, told how far it is.
        skipped: record of rows that cannot be used.

    Raises:
        DataMissing: there is none.
    """
    sights: list[PhotoFeatures] = []
    phrases: list[tuple[str, ...]] = []
    said = [pair for pair in pairs if not sources or set(sources) & set(pair.sources)]
    for number, (pair, named) in enumerate(_captioned(said)):
        if number and number % 500 == 0:
            context.tell(f"masks of {number:,} captioned photos")
        try:
            sight = proposer.best(pair.photo)
        except (PhotoError, ValueError) as error:
            skipped.note(str(pair.photo), "the photo cannot be used", error)
            continue
        if len(sight.places):
            sights.append(sight)
            phrases.append(named)
    if not sights:
        raise DataMissing(
            "no photo has captions whose phrases could be learned",
            "mend the recipe's phrases.sources, or leave out [task.phrases]",
        )
    context.tell(f"phrases of {len(sights):,} captioned photos")
    return PhraseBags(tuple(sights), tuple(phrases))


def _captioned(pairs: Iterable[TrainingPair]) -> list[tuple[TrainingPair, tuple[str, ...]]]:
    photos = [pair for pair in pairs if pair.kind == PHOTO_KIND]
    named = [
        tuple(dict.fromkeys(p for t in pair.texts for p in noun_phrases(t))) for pair in photos
    ]
    return [(pair, of) for pair, of in zip(photos, named, strict=True) if of]


def _ends(phrase: str) -> list[str]:
    """A phrase, and what is left of it without its first words: a brown dog is a dog."""
    words = phrase.split(" of ")[0].split()
    return [phrase, *(" ".join(words[start:]) for start in range(1, len(words)))]
