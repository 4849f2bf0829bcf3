"""The task of the segment head: segments near their texts, on a frozen trunk's pooled features.

The smallest complete task, and the way to train a head on anybody's pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch import Tensor, nn

from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.errors import DataMissing, PhotoError
from model.evaluation.ranking import Ranking, mean
from model.images import content_hash, read_image
from model.segments import Segments
from model.training.balance import pair_weights, phrase_counts
from model.training.contrastive import Temperature, contrastive_loss
from model.training.feature_store import FeatureStore
from model.training.kinds import Supplies, TaskKind
from model.training.pairs import TrainingPair
from model.training.processes import gathered
from model.training.skipped import Skipped
from model.training.source import PairSource, all_pairs
from model.training.task import Task
from model.use.head import SegmentHead
from model.use.pooling import pooled_features

WEIGHTS = "head.safetensors"
SIDE = 448  # pixels of a photo's longer side


@dataclass(frozen=True)
class HeadSettings:
    """A recipe's section [task] for a segment head.

    Attributes:
        train: where pairs to learn from come from.
        val: where pairs to measure on come from.
        width: of the fused feature.
        dropout: share of features dropped.
        balance: how much oftener rare phrases are drawn; 0: not, 1: as often as all others.
    """

    train: tuple[PairSource, ...]
    val: tuple[PairSource, ...]
    width: int = 512
    dropout: float = 0.2
    balance: float = 0.5


@dataclass(frozen=True, eq=False)
class PooledPairs:
    """M segments as the head sees them.

    Attributes:
        pooled: M×C float16, the trunk's maps under each mask.
        whole: M×G float16, the last map's mean over each segment's photo.
        texts: of each segment.
    """

    pooled: NDArray[np.float16]
    whole: NDArray[np.float16]
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class HeadBatch:
    """B segments, each with one of its texts.

    Attributes:
        pooled: B×C float32.
        whole: B×G float32.
        texts: B×D float32 unit rows.
        drawn: B int64, numbers of the texts.
        true: B×K int64, numbers of all texts of each segment, -1 where fewer than K.
    """

    pooled: Tensor
    whole: Tensor
    texts: Tensor
    drawn: Tensor
    true: Tensor


class HeadNetwork(nn.Module):
    """A segment head, and the temperature that it is trained with."""

    def __init__(self, width: int, dimension: int, dropout: float) -> None:
        super().__init__()
        self.head = SegmentHead(CHANNELS, width, dimension, dropout)
        self.temperature = Temperature()


class HeadTask(Task):
    """Learns a segment head.

    Args:
        settings: the recipe's.
        train: to learn from.
        val: to measure on.
        encoder: gives texts their vectors.
        batch: segments a batch.
    """

    def __init__(
        self,
        settings: HeadSettings,
        train: PooledPairs,
        val: PooledPairs,
        encoder: SentenceEncoder,
        batch: int,
    ) -> None:
        self.network: HeadNetwork = HeadNetwork(settings.width, encoder.dimension, settings.dropout)
        self._train, self._val, self._batch = train, val, batch
        counts = phrase_counts(train.texts)
        self._weights = pair_weights(train.texts, counts, settings.balance)
        self._true = numbered(train.texts, {text: n for n, text in enumerate(counts)})
        self._vectors = torch.from_numpy(encoder.encode(list(counts)))
        self._asked = tuple(dict.fromkeys(text for texts in val.texts for text in texts))
        self._questions = encoder.encode(self._asked)

    def batches(self, epoch_seed: int) -> Iterator[HeadBatch]:
        """As many draws as there are segments, balanced by phrase; one text of each at random."""
        random = np.random.default_rng(epoch_seed)
        rows = random.choice(
            len(self._weights), max(len(self._weights), self._batch), p=self._weights
        )
        for start in range(0, len(rows) - self._batch + 1, self._batch):
            chosen = rows[start : start + self._batch]
            true = self._true[chosen]
            pick = random.integers(0, (true >= 0).sum(axis=1))
            drawn = torch.from_numpy(true[np.arange(len(chosen)), pick])
            yield HeadBatch(
                torch.from_numpy(self._train.pooled[chosen]).float(),
                torch.from_numpy(self._train.whole[chosen]).float(),
                self._vectors[drawn],
                drawn,
                torch.from_numpy(true),
            )

    def loss(self, batch: HeadBatch) -> dict[str, Tensor]:
        """Symmetric InfoNCE over the segments of all processes; any true text is a positive."""
        segments = gathered(self.network.head(batch.pooled, batch.whole).float())
        drawn, true = gathered(batch.drawn), gathered(batch.true)
        positive = (true[:, :, None] == drawn[None, None, :]).any(dim=1)
        scale = self.network.temperature()
        loss = contrastive_loss(segments, gathered(batch.texts), positive, scale)
        return {"loss": loss, "scale": scale.exp()}

    def validate(self) -> dict[str, float]:
        """Every text of `val` is asked for among all its segments."""
        vectors = self.network.head(
            torch.from_numpy(self._val.pooled).float().to(self._device),
            torch.from_numpy(self._val.whole).float().to(self._device),
        )
        scores = self._questions @ vectors.cpu().numpy().T
        relevant = np.array([[text in texts for texts in self._val.texts] for text in self._asked])
        ranking = Ranking(scores)
        return {
            "mAP": mean(ranking.average_precision(relevant)) or 0.0,
            "P@10": mean(ranking.precision(relevant, 10)) or 0.0,
        }

    def export(self, folder: Path) -> None:
        """`head.safetensors`, float16."""
        self.network.head.save(folder / WEIGHTS)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def numbered(texts: Sequence[Sequence[str]], number: dict[str, int]) -> NDArray[np.int64]:
    """M×K int64: the numbers of each segment's texts, -1 where fewer than K."""
    table = np.full((len(texts), max(map(len, texts))), -1, np.int64)
    for row, of_segment in enumerate(texts):
        table[row, : len(of_segment)] = [number[text] for text in of_segment]
    return table


def pooled_pairs(
    pairs: Sequence[TrainingPair], trunk: EfficientNetTrunk, supplies: Supplies, skipped: Skipped
) -> PooledPairs:
    """The pairs' features, from the cache or from the photos, which are opened once each.

    Raises:
        DataMissing: no photo can be used.
    """
    store = FeatureStore(supplies.cache, f"{trunk.fingerprint} pooled")
    by_photo: dict[Path, list[TrainingPair]] = defaultdict(list)
    for pair in pairs:
        by_photo[pair.photo].append(pair)
    pooled, whole = [], []
    texts: list[tuple[str, ...]] = []
    for number, (photo, of_photo) in enumerate(by_photo.items()):
        if number and number % 500 == 0:
            supplies.tell(f"features of {number:,} of {len(by_photo):,} photos")
        try:
            seen = _features(photo, of_photo, trunk, store)
        except (PhotoError, ValueError) as error:
            skipped.note(str(photo), "the photo cannot be used", error)
            continue
        pooled.append(seen[:-1])
        whole.append(np.repeat(seen[-1:, -CHANNELS[-1] :], len(of_photo), axis=0))
        texts.extend(pair.texts for pair in of_photo)
    supplies.tell(f"{store.holdings()}")
    if not texts:
        raise DataMissing("no photo can be used", "; ".join(skipped.lines()))
    return PooledPairs(np.concatenate(pooled), np.concatenate(whole), tuple(texts))


def _features(
    photo: Path, pairs: Sequence[TrainingPair], trunk: EfficientNetTrunk, store: FeatureStore
) -> NDArray[np.float16]:
    """Pooled features of a photo's pairs, and last of all of it; (N+1)×C float16."""
    key = blake3(content_hash(photo))
    for pair in pairs:
        key.update(repr((pair.size, pair.counts)).encode())

    def make() -> dict[str, NDArray[np.float32]]:
        features = trunk.features(read_image(photo, max_side=SIDE))
        rows = np.zeros((len(pairs) + 1, sum(CHANNELS)), np.float32)
        for size in {pair.size for pair in pairs}:  # data sets may state different ones
            chosen = [number for number, pair in enumerate(pairs) if pair.size == size]
            segments = Segments.from_counts(size, [pairs[number].counts for number in chosen])
            rows[[*chosen, -1]] = pooled_features(features, segments.with_whole()).numpy()
        return {"rows": rows}

    return store.features(key.digest(), make)["rows"]


def head_kind() -> TaskKind:
    """How a recipe's [task] of kind `segment-head` is read and built."""
    return TaskKind(HeadSettings, _build)


def _build(settings: HeadSettings, supplies: Supplies) -> HeadTask:
    trunk, told = EfficientNetTrunk.shared(), []
    parts = []
    for sources in (settings.train, settings.val):
        skipped = Skipped()
        pairs = list(all_pairs(sources, supplies.data, skipped))
        parts.append(pooled_pairs(pairs, trunk, supplies, skipped))
        told += skipped.lines()
    for line in dict.fromkeys(told):  # both may be parts of one file
        supplies.tell(line)
    return HeadTask(settings, parts[0], parts[1], SentenceEncoder(), supplies.batch)
