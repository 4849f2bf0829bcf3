"""The task of a head over frozen towers: USE's head and W_r, towards CLIP's own texts.

Segments of whole photos make a batch, and each draws one of its texts (papers.md §A).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from model.datasets.skipped_rows import SkippedRows
from model.datasets.source import PairSource, all_pairs
from model.embedders.residual_head import (
    HeadShape,
    ResidualHead,
    last_levels,
    spread_levels,
    with_residual,
)
from model.embedders.towers import SegmentViews, TowersEmbedder
from model.errors import RecipeInvalid, shown
from model.evaluation.ranking import Ranking, mean
from model.presets.preset import Preset, load_preset
from model.training.loop.batch_stream import moved
from model.training.loop.distributed import gathered
from model.training.loop.feature_store import FeatureStore
from model.training.loop.seeds import seed_everything
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.losses.contrastive import Temperature, contrastive_loss
from model.training.losses.text_targets import numbered, positives
from model.training.towers.pairs import TowerPairs, tower_pairs

WEIGHTS = "head.safetensors"


@dataclass(frozen=True)
class TowerTaskSettings:
    """A recipe's section [task] for a head over frozen towers.

    Attributes:
        train: sources of the pairs to learn from.
        val: sources of the pairs to measure on.
        preset: name of the preset with the towers; the head belongs to it.
        width: width of the fused feature.
        clip_levels: blocks of CLIP whose patches are taken, evenly spread.
        dino_levels: blocks of DINOv2 whose patches are taken, the last ones.
        most: segments of one photo in a batch.
    """

    train: tuple[PairSource, ...]
    val: tuple[PairSource, ...]
    preset: str = "base"
    width: int = 512
    clip_levels: int = 4
    dino_levels: int = 3
    most: int = 32


@dataclass(frozen=True, eq=False)
class TowerBatch:
    """B segments of some photos, each with one of its texts.

    Attributes:
        views: features of each photo.
        texts: B×D float32 unit rows.
        drawn: B int64, numbers of the texts.
        true: B×K int64, numbers of all texts of each segment, -1 where fewer than K.
    """

    views: tuple[SegmentViews, ...]
    texts: Tensor
    drawn: Tensor
    true: Tensor


class TowerNetwork(nn.Module):
    """A residual head, and the temperature that it is trained with."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.head = ResidualHead(shape)
        self.temperature = Temperature()

    def forward(self, views: tuple[SegmentViews, ...]) -> Tensor:
        """B×D float32 unit rows, photo by photo."""
        rows = [with_residual(v.start, self.head(v.maps, v.cover).float()) for v in views]
        return functional.normalize(torch.cat(rows), dim=1)


@dataclass(frozen=True, eq=False)
class Texts:
    """Distinct texts.

    Attributes:
        number: number of each text.
        vectors: M×D float32 unit rows.
    """

    number: dict[str, int]
    vectors: Tensor


class TowerTask(Task):
    """Learns a head and W_r; the towers stay as they are.

    Args:
        settings: the recipe's.
        shape: sizes of the head.
        train: pairs to learn from.
        val: pairs to measure on.
        texts: all of both.
        batch: segments a batch.
    """

    def __init__(
        self,
        settings: TowerTaskSettings,
        shape: HeadShape,
        train: TowerPairs,
        val: TowerPairs,
        texts: Texts,
        batch: int,
    ) -> None:
        self.network: TowerNetwork = TowerNetwork(shape)
        self._train, self._val, self._texts, self._batch = train, val, texts, batch
        self._most = settings.most

    def batches(self, epoch_seed: int) -> Iterator[TowerBatch]:
        """Every photo once, in an order of its own, as batches of one size; what is left of the
        last photo of a batch is not in it, and of the last batch what is missing is drawn anew."""
        random = np.random.default_rng(epoch_seed)
        order = random.permutation(len(self._train.photos)).tolist()
        rows: list[tuple[int, NDArray[np.int64]]] = []
        missing = self._batch
        while order or missing < self._batch:
            number = order.pop() if order else int(random.integers(len(self._train.photos)))
            there = len(self._train.photos[number].texts)
            chosen = random.permutation(there)[: min(self._most, missing)]
            rows.append((number, np.sort(chosen)))
            missing -= len(chosen)
            if not missing:
                yield self._drawn(rows, random)
                rows, missing = [], self._batch

    def _drawn(
        self, rows: list[tuple[int, NDArray[np.int64]]], random: np.random.Generator
    ) -> TowerBatch:
        views, texts = [], []
        for number, chosen in rows:
            views.append(_some(self._train.views(number), torch.from_numpy(chosen)))
            texts += [self._train.photos[number].texts[row] for row in chosen.tolist()]
        true = numbered(texts, self._texts.number)
        pick = random.integers(0, (true >= 0).sum(axis=1))
        drawn = torch.from_numpy(true[np.arange(len(true)), pick])
        return TowerBatch(tuple(views), self._texts.vectors[drawn], drawn, torch.from_numpy(true))

    def loss(self, batch: TowerBatch) -> dict[str, Tensor]:
        """Symmetric InfoNCE over the segments of all processes; any true text is a positive."""
        segments = gathered(self.network(batch.views))
        positive = positives(batch.true, batch.drawn)
        scale = self.network.temperature()
        loss = contrastive_loss(segments, gathered(batch.texts), positive, scale)
        return {"loss": loss, "scale": scale.exp()}

    def validate(self) -> dict[str, float]:
        """Every text of `val` is asked for among all its segments; beside it, the same of e0."""
        device = next(self.network.parameters()).device
        trained, untrained = [], []
        for number in range(len(self._val.photos)):
            seen = moved(self._val.views(number), device)
            trained.append(self.network((seen,)))
            untrained.append(seen.start)
        of_segments = [texts for photo in self._val.photos for texts in photo.texts]
        asked = tuple(dict.fromkeys(text for texts in of_segments for text in texts))
        questions = self._texts.vectors[[self._texts.number[text] for text in asked]].to(device)
        place = {text: row for row, text in enumerate(asked)}
        relevant = np.zeros((len(asked), len(of_segments)), np.bool_)
        for row, texts in enumerate(of_segments):
            relevant[[place[text] for text in texts], row] = True
        figures = {}
        for name, vectors in (("mAP", trained), ("mAP untrained", untrained)):
            ranking = Ranking((questions @ torch.cat(vectors).T).cpu().numpy())
            figures[name] = mean(ranking.average_precision(relevant)) or 0.0
        return figures

    def export(self, folder: Path) -> None:
        """`head.safetensors`, which `--head` takes."""
        self.network.head.save(folder / WEIGHTS)


def tower_kind() -> TaskKind:
    """Kind of task `towers`: how a recipe's [task] is read and built."""
    return TaskKind(TowerTaskSettings, _build)


def _build(settings: TowerTaskSettings, context: TaskContext) -> TowerTask:
    preset = load_preset(settings.preset).without_head()
    embedder = preset.build_embedder()
    if not isinstance(embedder, TowersEmbedder):
        raise RecipeInvalid(
            f"the preset '{shown(settings.preset)}' has no towers", "name one like base"
        )
    levels = (
        spread_levels(embedder.clip.vision.depth, settings.clip_levels),
        last_levels(embedder.dino.depth, settings.dino_levels),
    )
    store = FeatureStore(context.cache, f"{preset.space.fingerprint} {levels} among whole")
    parts, told = [], []
    for sources in (settings.train, settings.val):
        skipped = SkippedRows()
        pairs = list(all_pairs(sources, context.data, skipped))
        parts.append(
            tower_pairs(pairs, embedder, levels, preset.image_side, store, context, skipped)
        )
        told += skipped.lines()
    for line in dict.fromkeys(told):  # both may be parts of one file
        context.tell(line)
    texts = _texts(embedder, parts, store)
    shape = _shape(settings, levels, embedder, preset)
    seed_everything(context.seed)  # towers that were loaded until now drew, kept features not
    return TowerTask(settings, shape, parts[0], parts[1], texts, context.batch)


def _shape(
    settings: TowerTaskSettings,
    levels: tuple[tuple[int, ...], tuple[int, ...]],
    embedder: TowersEmbedder,
    preset: Preset,
) -> HeadShape:
    return HeadShape(
        *levels,
        embedder.clip.vision.width,
        embedder.dino.width,
        preset.dimension,
        settings.width,
        preset.space.fingerprint,
    )


def _texts(embedder: TowersEmbedder, parts: list[TowerPairs], store: FeatureStore) -> Texts:
    """All texts' vectors: 80 sentences each, so they are kept too."""
    distinct = sorted({t for part in parts for p in part.photos for of in p.texts for t in of})
    key = blake3(repr(distinct).encode()).digest()
    kept = store.features(key, lambda: {"texts": embedder.embed_texts(distinct).vectors})
    vectors = functional.normalize(torch.from_numpy(kept["texts"]).float(), dim=1)
    return Texts({text: number for number, text in enumerate(distinct)}, vectors)


def _some(seen: SegmentViews, rows: Tensor) -> SegmentViews:
    return SegmentViews(seen.start[rows], seen.cover[rows], seen.maps)
