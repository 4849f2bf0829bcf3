"""What masks are learned from: the trunk's maps of photos, and the outlines that people drew."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model import masks
from model.encoders.efficientnet import EfficientNetTrunk
from model.evaluation.truth import TruePhoto
from model.images import content_hash
from model.training.feature_store import FeatureStore

LEVELS = ("at4", "at8", "at16", "at32")


@dataclass(frozen=True, eq=False)
class MaskBatch:
    """B photos of one shape.

    Attributes:
        maps: the trunk's, B×channels×h×w float32 at strides 4, 8, 16 and 32.
        targets: for each photo N×H×W float32 at stride 4: of each cell, how much lies inside.
        exhaustive: for each photo, whether what nobody outlined is nothing.
    """

    maps: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    exhaustive: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class MaskPhotos(Sequence[MaskBatch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from.
        order: for each batch the numbers of its photos, all of one shape.
        maps: the trunk's maps of a photo, see `kept_maps`.
        exhaustive: sources that outline everything.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    maps: Callable[[TruePhoto], tuple[Tensor, ...]]
    exhaustive: frozenset[str] = field(default_factory=frozenset)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> MaskBatch:  # type: ignore[override]
        chosen = [self.photos[number] for number in self.order[index]]
        maps = [self.maps(photo) for photo in chosen]
        return MaskBatch(
            tuple(torch.stack(level) for level in zip(*maps, strict=True)),
            tuple(
                targets(photo, (fine.shape[1], fine.shape[2]))
                for photo, (fine, *_) in zip(chosen, maps, strict=True)
            ),
            tuple(photo.source in self.exhaustive for photo in chosen),
        )


def kept_maps(
    store: FeatureStore, trunk: EfficientNetTrunk
) -> Callable[[TruePhoto], tuple[Tensor, ...]]:
    """What gives the trunk's maps of a photo (channels×h×w, strides 4 to 32), from the disk once
    they have been made."""

    def maps(photo: TruePhoto) -> tuple[Tensor, ...]:
        def make() -> Mapping[str, NDArray[np.float16]]:
            seen = trunk.features(photo.read()).pyramid
            return {
                name: level.numpy().astype(np.float16)
                for name, level in zip(LEVELS, seen, strict=True)
            }

        kept = store.features(content_hash(photo.path), make)
        return tuple(torch.from_numpy(kept[name]).float() for name in LEVELS)

    return maps


def targets(photo: TruePhoto, grid: tuple[int, int]) -> Tensor:
    """N×H×W float32: the share of each cell of the grid that lies in each of the N regions."""
    drawn = masks.decode([region.counts for region in photo.regions], photo.size)
    return functional.adaptive_avg_pool2d(torch.from_numpy(drawn).float()[None], grid)[0]


def mixed_order(
    photos: Sequence[TruePhoto],
    shapes: Sequence[tuple[int, int]],
    weights: Mapping[str, float],
    batch: int,
    seed: int,
) -> list[list[int]]:
    """An epoch: as many draws as there are photos, in batches of one shape each.

    Args:
        photos: to draw from, with replacement.
        shapes: of each photo's maps; only like shapes go into one batch.
        weights: of sources; 1 where none is given.
        batch: photos a batch; what does not fill one is left out.
        seed: decides everything.
    """
    chance = random.Random(seed)
    drawn = chance.choices(
        range(len(photos)), [weights.get(photo.source, 1.0) for photo in photos], k=len(photos)
    )
    waiting: dict[tuple[int, int], list[int]] = defaultdict(list)
    order: list[list[int]] = []
    for number in drawn:
        group = waiting[shapes[number]]
        group.append(number)
        if len(group) == batch:
            order.append(list(group))
            group.clear()
    return order
