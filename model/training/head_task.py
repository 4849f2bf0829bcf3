"""The task of the segment head: segments near their texts, on a frozen trunk's pooled features.

The smallest complete task, and the way to train a head on anybody's pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.evaluation.ranking import Ranking, mean
from model.training.balance import pair_weights, phrase_counts
from model.training.class_names import class_vectors, naming
from model.training.contrastive import Temperature, contrastive_loss
from model.training.kinds import Supplies, TaskKind
from model.training.pooled_pairs import PooledPairs, neighbours, pooled_pairs
from model.training.processes import gathered
from model.training.skipped import Skipped
from model.training.source import PairSource, all_pairs
from model.training.task import Task
from model.use.head import SegmentHead

WEIGHTS = "head.safetensors"
Seen = tuple[Tensor, Tensor, Tensor, Tensor]
CHUNK = 4096  # segments that are embedded at once when they are measured


@dataclass(frozen=True)
class HeadSettings:
    """A recipe's section [task] for a segment head.

    Attributes:
        train: where pairs to learn from come from.
        val: where pairs to measure on come from.
        width: of the fused feature.
        dropout: share of features dropped.
        balance: how much oftener rare phrases are drawn; 0: not, 1: as often as all others.
        captions: how often texts of whole photos are drawn, against those of segments.
        together: segments of each photo in a batch: so a segment's text is told from those of its
            neighbours.
        unseen: phrases that no text of training may name; the classes of the trunk that are
            called so lose the name.
    """

    train: tuple[PairSource, ...]
    val: tuple[PairSource, ...]
    width: int = 512
    dropout: float = 0.2
    balance: float = 0.5
    captions: float = 0.3
    together: int = 4
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class HeadBatch:
    """B segments, each with one of its texts.

    Attributes:
        seen: pooled features, global features, places and scores, as `SegmentHead` takes them.
        texts: B×D float32 unit rows.
        drawn: B int64, numbers of the texts.
        true: B×K int64, numbers of all texts of each segment, -1 where fewer than K.
    """

    seen: Seen
    texts: Tensor
    drawn: Tensor
    true: Tensor


class HeadNetwork(nn.Module):
    """A segment head, and the temperature that it is trained with."""

    def __init__(self, width: int, names: NDArray[np.float32], dropout: float) -> None:
        super().__init__()
        self.head = SegmentHead(CHANNELS, width, names.shape[1], dropout, len(names))
        self.head.names.copy_(torch.from_numpy(names))
        self.temperature = Temperature()


class HeadTask(Task):
    """Learns a segment head.

    Args:
        settings: the recipe's.
        train: to learn from.
        val: to measure on.
        trunk: whose classifier judges the segments.
        encoder: gives texts their vectors.
        batch: segments a batch.
    """

    def __init__(
        self,
        settings: HeadSettings,
        train: PooledPairs,
        val: PooledPairs,
        trunk: EfficientNetTrunk,
        encoder: SentenceEncoder,
        batch: int,
    ) -> None:
        named = naming(settings.unseen)
        train = train.without(named) if named else train
        names = class_vectors(encoder.encode, named)
        self.network: HeadNetwork = HeadNetwork(settings.width, names, settings.dropout)
        self._train, self._val, self._trunk, self._batch = train, val, trunk, batch
        self._settings = settings
        counts = phrase_counts(train.texts)
        weights = pair_weights(train.texts, counts, settings.balance)
        weights[train.captioned] *= settings.captions
        self._weights = weights / weights.sum()
        self._neighbours = neighbours(train.photo)
        self._true = numbered(train.texts, {text: n for n, text in enumerate(counts)})
        self._vectors = torch.from_numpy(encoder.encode(list(counts)))
        self._asked = tuple(dict.fromkeys(text for texts in val.texts for text in texts))
        self._questions = torch.from_numpy(encoder.encode(self._asked))

    def batches(self, epoch_seed: int) -> Iterator[HeadBatch]:
        """As many draws as there are segments, balanced by phrase; one text of each at random."""
        random = np.random.default_rng(epoch_seed)
        for _ in range(max(len(self._weights) // self._batch, 1)):
            chosen = self._drawn(random)
            true = self._true[chosen]
            pick = random.integers(0, (true >= 0).sum(axis=1))
            drawn = torch.from_numpy(true[np.arange(len(chosen)), pick])
            yield HeadBatch(
                self._seen(self._train, chosen),
                self._vectors[drawn],
                drawn,
                torch.from_numpy(true),
            )

    def _drawn(self, random: np.random.Generator) -> NDArray[np.int64]:
        """A batch of rows: some by their weights, and of the photo of each some others."""
        company = self._settings.together - 1
        rows: list[int] = []
        for first in random.choice(len(self._weights), self._batch, p=self._weights).tolist():
            others = self._neighbours[self._train.photo[first]]
            others = others[others != first]
            rows.append(first)
            if company and len(others):
                weight = self._weights[others]
                size = min(company, len(others))
                rows.extend(random.choice(others, size, False, weight / weight.sum()).tolist())
            if len(rows) >= self._batch:
                break
        return np.array(rows[: self._batch], np.int64)

    def _seen(self, pairs: PooledPairs, rows: NDArray[np.int64] | slice) -> Seen:
        pooled = torch.from_numpy(pairs.pooled[rows]).float()
        whole = torch.from_numpy(pairs.whole[rows]).float()
        scores = self._trunk.class_scores(pooled[:, -CHANNELS[-1] :])
        return pooled, whole, torch.from_numpy(pairs.places[rows]), scores.clone()

    def loss(self, batch: HeadBatch) -> dict[str, Tensor]:
        """Symmetric InfoNCE over the segments of all processes; any true text is a positive."""
        own = self.network.head(*batch.seen)
        segments = gathered(own.float())
        drawn, true = gathered(batch.drawn), gathered(batch.true)
        positive = (true[:, :, None] == drawn[None, None, :]).any(dim=1)
        scale = self.network.temperature()
        texts = self.network.head.texts(batch.texts).float()
        loss = contrastive_loss(segments, gathered(texts), positive, scale)
        return {"loss": loss, "scale": scale.exp()}

    def validate(self) -> dict[str, float]:
        """Every text of `val` is asked for among all its segments."""
        parts = []
        for start in range(0, len(self._val.texts), CHUNK):
            seen = self._seen(self._val, slice(start, start + CHUNK))
            parts.append(self.network.head(*(part.to(self._device) for part in seen)).cpu().numpy())
        questions = self.network.head.texts(self._questions.to(self._device)).cpu().numpy()
        scores = questions @ np.concatenate(parts).T
        number = {text: n for n, text in enumerate(self._asked)}
        relevant = np.zeros(scores.shape, np.bool_)
        for row, texts in enumerate(self._val.texts):
            relevant[[number[text] for text in texts], row] = True
        ranking = Ranking(scores)
        precision = ranking.average_precision(relevant)
        figures = {
            "mAP": mean(precision) or 0.0,
            "P@10": mean(ranking.precision(relevant, 10)) or 0.0,
        }
        if self._settings.unseen:
            unseen = np.isin(self._asked, self._settings.unseen)
            figures["mAP of unseen phrases"] = mean(precision[unseen]) or 0.0
        return figures

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
    return HeadTask(settings, parts[0], parts[1], trunk, SentenceEncoder(), supplies.batch)
