"""Batches that masks are learned from: the trunk's maps of photos, and outlines people drew."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.datasets.ground_truth import TruePhoto
from model.devices import chosen_dtype
from model.encoders.efficientnet import EfficientNetTrunk, scaled_input
from model.masks import rle
from model.photos.images import content_hash
from model.training.dense_masks.augmentation import ViewSettings, drawn_view
from model.training.loop.feature_store import FeatureStore
from model.training.loop.seeds import mixed_seed

LEVELS = ("at4", "at8", "at16", "at32")


@dataclass(frozen=True, eq=False)
class MaskBatch:
    """B photos of one shape.

    Attributes:
        maps: the trunk's, B×channels×h×w float32 at strides 4, 8, 16 and 32.
        targets: N×H×W float32 for each photo at stride 4, the share of each cell inside the region.
        exhaustive: bool for each photo, whether what nobody outlined is nothing.
    """

    maps: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    exhaustive: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class MaskPhotos(Sequence[MaskBatch]):
    """One epoch's batches, read when they are asked for.

    Attributes:
        photos: all that are learned from.
        order: numbers of the photos of each batch, all of one shape.
        shapes: (height, width) of each photo, near enough: those of a batch are alike.
        trunk: looks at the views, in bfloat16 where the processor has it: an augmented view needs
            no more digits.
        views: settings of the augmentation.
        seed: decides all views.
        exhaustive: sources that outline everything.
    """

    photos: Sequence[TruePhoto]
    order: Sequence[Sequence[int]]
    shapes: Sequence[tuple[int, int]]
    trunk: EfficientNetTrunk
    views: ViewSettings
    seed: int
    exhaustive: frozenset[str] = field(default_factory=frozenset)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> MaskBatch:  # type: ignore[override]
        chance = random.Random(mixed_seed(self.seed, index))
        numbers = self.order[index]
        sizes = self.views.drawn(self.shapes[numbers[0]], chance)
        coarse = chosen_dtype("auto", torch.device("cpu")) is torch.bfloat16
        maps, targets = [], []
        for photo in (self.photos[number] for number in numbers):
            drawn = rle.decode([region.counts for region in photo.regions], photo.size)
            view = drawn_view(photo, drawn, sizes, self.views, chance)
            targets.append(view.targets(drawn))
            seen = scaled_input(view.pixels(photo.read().pixels)[None])
            with torch.autocast("cpu", torch.bfloat16, enabled=coarse):
                # one by one: they fit the caches better
                maps.append(self.trunk.pyramids(seen))
        return MaskBatch(
            tuple(torch.cat(level).float() for level in zip(*maps, strict=True)),
            tuple(targets),
            tuple(self.photos[number].source in self.exhaustive for number in numbers),
        )


def kept_maps(
    store: FeatureStore, trunk: EfficientNetTrunk
) -> Callable[[TruePhoto], tuple[Tensor, ...]]:
    """Function for the trunk's maps of a photo (channels×h×w, strides 4 to 32), from disk once
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
