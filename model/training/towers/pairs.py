"""Training pairs as a head over frozen towers sees them: whole maps, kept on disk, read a batch at
a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.datasets.pairs import TrainingPair
from model.datasets.skipped_rows import SkippedRows
from model.embedders.residual_head import LevelMaps
from model.embedders.towers import SegmentViews, TowersEmbedder
from model.errors import DataMissing, PhotoError
from model.masks.segments import Segments
from model.photos.images import content_hash, read_image
from model.training.loop.feature_store import FeatureStore
from model.training.loop.task import TaskContext

Levels = tuple[tuple[int, ...], tuple[int, ...]]
"""Numbers of CLIP's blocks, and of DINOv2's."""


@dataclass(frozen=True)
class SeenPhoto:
    """A photo whose features are kept.

    Attributes:
        key: key of the features in the store.
        texts: texts of each of its segments.
    """

    key: bytes
    texts: tuple[tuple[str, ...], ...]


class TowerPairs:
    """Photos with segments, and what the towers see in them.

    Args:
        photos: photos with pairs, at least one.
        store: store of their features.
        levels: number of maps.

    Attributes:
        photos: photos, as given.
    """

    def __init__(self, photos: Sequence[SeenPhoto], store: FeatureStore, levels: int) -> None:
        self.photos = tuple(photos)
        self._store = store
        self._levels = levels

    def views(self, number: int) -> SegmentViews:
        """Views of the towers on all segments of a photo, by its number.

        Raises:
            DataMissing: its features have vanished from the cache.
        """
        kept = self._store.get(self.photos[number].key)
        if kept is None:
            raise DataMissing(
                f"features have vanished from {self._store.folder}", "run again with --resume"
            )
        read = {name: torch.from_numpy(values).float() for name, values in kept.items()}
        levels = tuple(read[f"level {i}"] for i in range(self._levels))
        return SegmentViews(read["start"], read["cover"], LevelMaps(levels, read["whole"]))


def tower_pairs(
    pairs: Sequence[TrainingPair],
    embedder: TowersEmbedder,
    levels: Levels,
    side: int,
    store: FeatureStore,
    context: TaskContext,
    skipped: SkippedRows,
) -> TowerPairs:
    """The pairs, their features made or found in the cache; photos are opened once each.

    Args:
        pairs: pairs of any photos.
        embedder: embedder with the towers that look.
        levels: numbers of the blocks with the maps that are wanted.
        side: pixels of a photo's longer side at the most.
        store: store of the features.
        context: the task's.
        skipped: counter of what cannot be used.

    Raises:
        DataMissing: no photo can be used.
    """
    by_photo: dict[tuple[Path, tuple[int, int]], list[TrainingPair]] = defaultdict(list)
    for pair in pairs:  # data sets may state different sizes of one photo
        by_photo[pair.photo, pair.size].append(pair)
    photos = []
    for number, ((photo, size), of_photo) in enumerate(by_photo.items()):
        if number and number % 100 == 0:
            context.tell(f"features of {number:,} of {len(by_photo):,} photos")
        counts = [pair.counts for pair in of_photo]
        try:
            key = blake3(content_hash(photo) + repr((size, counts)).encode()).digest()
            if store.get(key) is None:
                segments = Segments.from_counts(size, counts)
                image, among = read_image(photo, max_side=side), segments.with_whole()
                seen = embedder.views(image, segments, *levels, among=among)
                store.put(key, _arrays(seen))
        except (PhotoError, ValueError) as error:
            skipped.note(str(photo), "the photo cannot be used", error)
            continue
        photos.append(SeenPhoto(key, tuple(pair.texts for pair in of_photo)))
    context.tell(f"{store.holdings()}")
    if not photos:
        raise DataMissing("no photo can be used", "; ".join(skipped.lines()))
    return TowerPairs(photos, store, len(levels[0]) + len(levels[1]))


def _arrays(seen: SegmentViews) -> dict[str, NDArray[np.float32]]:
    """Arrays as they are kept: e0 at length 1, which float16 holds best."""
    tensors: dict[str, Tensor] = {
        "start": functional.normalize(seen.start, dim=1),
        "cover": seen.cover,
        "whole": seen.maps.whole,
    }
    tensors |= {f"level {i}": values for i, values in enumerate(seen.maps.levels)}
    return {name: values.cpu().numpy() for name, values in tensors.items()}
