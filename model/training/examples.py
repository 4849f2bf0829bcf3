"""What the head is trained on: pooled features and the texts that are true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.encoders.efficientnet import CHANNELS
from model.training.features import FeatureTable
from model.training.pairs import AnnotatedPhoto

PROPOSAL_MATCH = 0.5
PROPOSAL_WEIGHT = 0.5


@dataclass(frozen=True, eq=False)
class Examples:
    """M segments with their texts.

    Attributes:
        pooled: M×C float16 pooled features.
        whole: M×G float16, the global feature of each segment's photo.
        photo: M int64, the photo's number.
        texts: the T distinct texts.
        true_texts: M×K int64, numbers of the texts that are true of each, -1 where fewer than K.
        weight: M float64, how often each is drawn in training; sums to 1.
    """

    pooled: NDArray[np.float16]
    whole: NDArray[np.float16]
    photo: NDArray[np.int64]
    texts: tuple[str, ...]
    true_texts: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pooled)


def examples_of(
    photos: Sequence[AnnotatedPhoto],
    annotated: FeatureTable,
    proposals: FeatureTable | None,
    splits: Sequence[str],
    kinds: Sequence[str] | None = None,
) -> Examples:
    """The pairs of some splits and, where given, the proposals that match a pair's mask.

    Rare texts are drawn more often: a segment's weight is the mean of 1 / √(occurrences) over
    its texts.

    Args:
        photos: all photos that the tables number.
        annotated: features of the pairs and of the whole photos.
        proposals: features of the segmenter's proposals; a proposal takes the texts of the pair
            that it overlaps most, at least by `PROPOSAL_MATCH`.
        splits: of the photos that are used.
        kinds: of the pairs that are used; all by default.
    """
    whole = global_features(annotated, len(photos))
    chosen: list[tuple[NDArray[np.float16], int, tuple[str, ...], float]] = []

    def take(table: FeatureTable, row: int, pair_number: int, weight: float) -> None:
        photo = photos[int(table.photo[row])]
        pair = photo.pairs[pair_number]
        if photo.split in splits and (kinds is None or pair.kind in kinds):
            chosen.append((table.rows[row], int(table.photo[row]), pair.texts, weight))

    for row in np.flatnonzero(annotated.pair >= 0):
        take(annotated, int(row), int(annotated.pair[row]), 1.0)
    if proposals is not None:
        order = np.lexsort((-proposals.link_iou, proposals.link_row))
        _, first = np.unique(proposals.link_row[order], return_index=True)
        for link in order[first].tolist():
            if proposals.link_iou[link] >= PROPOSAL_MATCH:
                matched = int(proposals.link_pair[link])
                take(proposals, int(proposals.link_row[link]), matched, PROPOSAL_WEIGHT)
    counts = Counter(text for _, _, texts, _ in chosen for text in texts)
    number = {text: index for index, text in enumerate(counts)}
    true_texts = np.full((len(chosen), max(len(c[2]) for c in chosen)), -1, np.int64)
    weight = np.zeros(len(chosen))
    for index, (_, _, texts, factor) in enumerate(chosen):
        true_texts[index, : len(texts)] = [number[text] for text in texts]
        weight[index] = factor * np.mean([counts[text] ** -0.5 for text in texts])
    photo = np.array([c[1] for c in chosen], np.int64)
    return Examples(
        np.stack([c[0] for c in chosen]),
        whole[photo],
        photo,
        tuple(number),
        true_texts,
        weight / weight.sum(),
    )


def global_features(
    annotated: FeatureTable, photos: int, channels: int = CHANNELS[-1]
) -> NDArray[np.float16]:
    """photos×G float16: of each photo the last level's mean, which its whole-photo row ends in."""
    whole = np.zeros((photos, channels), np.float16)
    rows = annotated.pair == -1
    whole[annotated.photo[rows]] = annotated.rows[rows][:, -channels:]
    return whole
