"""The task of the segment head: segments near their texts, on a frozen trunk's pooled features.

The smallest complete task, and the way to train a head on anybody's pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from model.datasets.imagenet_names import class_vectors, naming
from model.datasets.skipped_rows import SkippedRows
from model.datasets.source import all_pairs
from model.embedders.head import SegmentHead
from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.evaluation.ranking import Ranking, mean
from model.presets.preset import Preset, load_preset
from model.training.loop.distributed import gathered
from model.training.loop.seeds import seed_everything
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.losses.contrastive import Temperature, contrastive_loss
from model.training.losses.phrase_loss import phrase_loss
from model.training.losses.text_targets import numbered, positives
from model.training.segment_head.balance import pair_weights, phrase_counts
from model.training.segment_head.batches import (
    BagBatch,
    HeadBatch,
    PhraseDraws,
    Seen,
)
from model.training.segment_head.phrase_bags import PhraseBags, phrase_bags
from model.training.segment_head.pooled_pairs import PooledPairs, neighbours, pooled_pairs
from model.training.segment_head.segmenter_pairs import NONE, Proposer
from model.training.segment_head.settings import HeadSettings

WEIGHTS = "head.safetensors"
CHUNK = 4096  # segments that are embedded at once when they are measured


class HeadNetwork(nn.Module):
    """A segment head, and the temperature that it is trained with."""

    def __init__(
        self, width: int, names: NDArray[np.float32], dropout: float, members: int = 1
    ) -> None:
        super().__init__()
        classes, dimension = names.shape
        self.head = SegmentHead(CHANNELS, width, dimension, dropout, classes, members=members)
        self.head.names.copy_(torch.from_numpy(names))
        self.temperature = Temperature()


class HeadTask(Task):
    """Learns a segment head.

    Args:
        settings: the recipe's.
        train: pairs to learn from.
        val: pairs to measure on.
        trunk: trunk with the classifier that judges the segments.
        encoder: gives texts their vectors.
        batch: segments a batch.
        bags: photos with noun phrases, if they are learned.
    """

    def __init__(
        self,
        settings: HeadSettings,
        train: PooledPairs,
        val: PooledPairs,
        trunk: EfficientNetTrunk,
        encoder: SentenceEncoder,
        batch: int,
        bags: PhraseBags | None = None,
    ) -> None:
        named = naming(settings.unseen)
        train = train.without(named) if named else train
        bags = bags.without(named) if bags and named else bags
        names = class_vectors(encoder.encode, named)
        self.network: HeadNetwork = HeadNetwork(
            settings.width, names, settings.dropout, settings.members
        )
        self._train, self._val, self._trunk, self._batch = train, val, trunk, batch
        self._settings = settings
        counts = phrase_counts(train.texts)
        weights = pair_weights(train.texts, counts, settings.balance)
        weights[train.captioned] *= settings.captions
        self._weights = weights / weights.sum()
        self._neighbours = neighbours(train.photo)
        self._own, self._loose = train.fitting(), train.loose()
        self._true = numbered(train.texts, {text: n for n, text in enumerate(counts)})
        self._vectors = torch.from_numpy(encoder.encode(list(counts)))
        self._phrases = PhraseDraws(settings, bags, encoder) if bags else None
        said = np.unique(self._true[~train.captioned])
        self._said = torch.from_numpy(said[said >= 0])
        self._asked = tuple(dict.fromkeys(text for texts in val.texts for text in texts))
        self._questions = torch.from_numpy(encoder.encode(self._asked))

    def batches(self, epoch_seed: int) -> Iterator[HeadBatch]:
        """Batches of as many draws as segments, balanced by phrase; one text of each at random."""
        random = np.random.default_rng(epoch_seed)
        for _ in range(max(len(self._weights) // self._batch, 1)):
            chosen = self._drawn(random)
            true = self._true[chosen]
            pick = random.integers(0, (true >= 0).sum(axis=1))
            drawn = torch.from_numpy(true[np.arange(len(chosen)), pick])
            loose = self._loose_of(chosen, random)
            yield HeadBatch(
                self._seen_as(chosen, self._swapped(chosen, random), random),
                self._vectors[drawn],
                drawn,
                torch.from_numpy(true),
                self._seen_as(*loose, random) if len(loose[0]) else None,
                self._phrases.draw(random, self._as_taken) if self._phrases else None,
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

    def _swapped(self, rows: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """Mask that each row is seen through: one that fits it, or `NONE`, its own."""
        through = np.full(len(rows), NONE, np.int64)
        for place in np.flatnonzero(random.random(len(rows)) < self._settings.own):
            fitting = self._own.get(int(rows[place]))
            if fitting is not None:
                through[place] = random.choice(fitting)
        return through

    def _loose_of(
        self, rows: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows, and masks of their photos that fit nothing: as many in every batch."""
        count = round(self._settings.loose * len(rows))
        photos = np.unique(self._train.photo[rows]).tolist()
        near = [self._loose[photo] for photo in photos if photo in self._loose]
        if not count or not self._loose:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        pool = np.concatenate(near or list(self._loose.values()))
        masks = random.choice(pool, count, replace=len(pool) < count)
        return self._train.proposed.near[masks], masks

    def _seen_as(
        self, rows: NDArray[np.int64], through: NDArray[np.int64], random: np.random.Generator
    ) -> Seen:
        """Rows of `train` by one look each, through one of the segmenter's masks, or, if `NONE`,
        their own."""
        look = random.integers(len(self._train.pooled), size=len(rows))
        pooled, where = self._train.pooled[look, rows], self._train.places[rows]
        swapped = through != NONE
        masks = through[swapped]
        pooled[swapped] = self._train.proposed.pooled[look[swapped], masks]
        where[swapped] = self._train.proposed.places[masks]
        return self._as_taken(pooled, self._train.whole[look, rows], where)

    def _as_taken(
        self, pooled: NDArray[np.float16], whole: NDArray[np.float16], where: NDArray[np.float32]
    ) -> Seen:
        own = torch.from_numpy(pooled).float()
        scores = self._trunk.class_scores(own[:, -CHANNELS[-1] :]).clone()
        return own, torch.from_numpy(whole).float(), torch.from_numpy(where), scores

    def loss(self, batch: HeadBatch) -> dict[str, Tensor]:
        """Symmetric InfoNCE over the segments of all processes; any true text is a positive. Where
        phrases are learned, theirs is added. Each member learns by itself: the mean of their
        losses is minimised."""
        segments = self._by_member(batch.seen)
        loose = self._by_member(batch.loose) if batch.loose else [None] * len(segments)
        positive = positives(batch.true, batch.drawn)
        scale = self.network.temperature()
        texts = gathered(self.network.head.texts(batch.texts).float())
        losses = [
            contrastive_loss(own, texts, positive, scale, others)
            for own, others in zip(segments, loose, strict=True)
        ]
        loss = torch.stack(losses).mean()
        told = {"loss": loss, "scale": scale.exp()}
        if batch.bags is not None:
            told["phrases"] = self._phrase_loss(batch.bags, scale)
            told["loss"] = loss + self._settings.phrases.weight * told["phrases"]
        return told

    def _by_member(self, seen: Seen) -> list[Tensor]:
        """What each member says of the rows of all processes."""
        return [gathered(rows.float()) for rows in self.network.head.by_member(*seen)]

    def _phrase_loss(self, bags: BagBatch, scale: Tensor) -> Tensor:
        texts = gathered(self.network.head.texts(bags.texts).float())
        positive = positives(bags.true, bags.drawn)
        sharpness = self._settings.phrases.sharpness
        losses = [
            phrase_loss(
                gathered(rows.float().unflatten(0, (len(bags.drawn), -1))),
                texts,
                positive,
                scale,
                sharpness,
            )
            for rows in self.network.head.by_member(*bags.seen)
        ]
        return torch.stack(losses).mean()

    def validate(self) -> dict[str, float]:
        """Every text of `val` is asked for among all its segments."""
        parts = []
        for start in range(0, len(self._val.texts), CHUNK):
            some = slice(start, start + CHUNK)
            looks = [
                self._as_taken(pooled[some], whole[some], self._val.places[some])
                for pooled, whole in zip(self._val.pooled, self._val.whole, strict=True)
            ]
            meant = [
                self.network.head(*(part.to(self._device) for part in seen)).cpu() for seen in looks
            ]
            parts.append(normalize(torch.stack(meant).mean(dim=0), dim=1).numpy())
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
        """`head.safetensors`, matrices as int8."""
        head = self.network.head
        with torch.no_grad():
            texts = head.texts(self._vectors[self._said].to(self._device))
            head.common.copy_(self._settings.doubt * normalize(texts.mean(dim=0), dim=0))
        head.save(folder / WEIGHTS)
        head.common.zero_()

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def head_kind() -> TaskKind:
    """Kind of task `segment-head`: how a recipe's [task] is read and built."""
    return TaskKind(HeadSettings, _build)


def _build(settings: HeadSettings, context: TaskContext) -> HeadTask:
    trunks = [EfficientNetTrunk.shared(side=side) for side in settings.views]
    told: list[str] = []
    parts = []
    proposer, bags = None, None
    if settings.proposals:
        preset = load_preset(settings.proposals)
        proposer = Proposer(preset, trunks, context.cache, settings.proposed)
        if settings.phrases.weight:
            bags = _bags(settings, preset, trunks, context)
    for sources, seeing in ((settings.train, proposer), (settings.val, None)):
        skipped = SkippedRows()
        pairs = list(all_pairs(sources, context.data, skipped))
        parts.append(pooled_pairs(pairs, trunks, context, skipped, seeing))
        told += skipped.lines()
    for line in dict.fromkeys(told):  # both may be parts of one file
        context.tell(line)
    encoder = SentenceEncoder()
    seed_everything(context.seed)  # networks that were built until now drew, remembered ones not
    return HeadTask(settings, parts[0], parts[1], trunks[0], encoder, context.batch, bags)


def _bags(
    settings: HeadSettings,
    preset: Preset,
    trunks: Sequence[EfficientNetTrunk],
    context: TaskContext,
) -> PhraseBags:
    said = settings.phrases
    if said.views:
        preset = replace(preset, segmenter={**preset.segmenter, "views": list(said.views)})
    skipped = SkippedRows()  # what cannot be used is told of the same pairs elsewhere
    pairs = all_pairs(settings.train, context.data, skipped)
    proposer = Proposer(preset, trunks, context.cache)
    return phrase_bags(pairs, said.sources, proposer, context, skipped)
