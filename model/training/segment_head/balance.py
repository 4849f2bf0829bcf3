"""The order of training pairs: shuffled in a stream, rare phrases oftener."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from model.datasets.pairs import TrainingPair

T = TypeVar("T")


def shuffled(items: Iterable[T], seed: int, buffer: int = 4096) -> Iterator[T]:
    """All items in an order given by the seed; of a long stream, at most `buffer` are held.

    Each item that arrives takes the place of a random one of the held, which leaves.
    """
    random = np.random.default_rng(seed)
    held: list[T] = []
    for item in items:
        if len(held) < buffer:
            held.append(item)
            continue
        place = int(random.integers(buffer))
        held[place], item = item, held[place]
        yield item
    for place in random.permutation(len(held)):
        yield held[place]


def phrase_counts(texts: Iterable[Sequence[str]]) -> Counter[str]:
    """Number of pairs that have each phrase, by the pairs' texts."""
    return Counter(text for of_pair in texts for text in dict.fromkeys(of_pair))


def pair_weights(
    texts: Sequence[Sequence[str]], counts: Mapping[str, int], power: float = 0.5
) -> NDArray[np.float64]:
    """Frequencies to draw each pair at: the mean of count^-power over its texts; they sum to 1.

    Args:
        texts: texts of each of M pairs.
        counts: see `phrase_counts`.
        power: 0: as often as they are; 1: every phrase as often as any other.
    """
    weights = np.array(
        [np.mean([counts[text] ** -power for text in of_pair]) for of_pair in texts], np.float64
    )
    return np.asarray(weights / weights.sum(), np.float64)


def balanced(
    pairs: Iterable[TrainingPair],
    counts: Mapping[str, int],
    seed: int,
    power: float = 0.5,
    most: int = 8,
) -> Iterator[TrainingPair]:
    """A stream in which pairs of rare phrases come oftener, those of common ones seldomer.

    Each pair is given n times, n being its weight by that of a phrase of mean frequency, rounded
    up or down at random.

    Args:
        pairs: the stream.
        counts: number of times each phrase occurs, see `phrase_counts`.
        seed: seed of the random rounding.
        power: see `pair_weights`.
        most: times that a pair is given.
    """
    random = np.random.default_rng(seed)
    middle = np.mean(list(counts.values()) or [1]) ** -power
    for pair in pairs:
        weight = np.mean([counts[text] ** -power for text in pair.texts]) / middle
        for _ in range(min(int(weight + random.random()), most)):
            yield pair
