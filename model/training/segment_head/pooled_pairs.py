"""Training pairs as a head sees them: pooled features of a frozen trunk, kept on disk.

A trunk may look at a photo at several sizes; of each look there are features of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from model.datasets.pairs import PHOTO_KIND, TrainingPair
from model.datasets.skipped_rows import SkippedRows
from model.embedders.geometry import places
from model.embedders.pooling import pooled_features
from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.errors import DataMissing, PhotoError
from model.masks.segments import Segments
from model.photos.images import content_hash, read_image
from model.training.loop.feature_store import FeatureStore
from model.training.loop.task import TaskContext
from model.training.segment_head.segmenter_pairs import NONE, ProposedPairs, Proposer

SIDE = 448  # pixels of a photo's longer side


@dataclass(frozen=True, eq=False)
class PooledPairs:
    """M segments as the head sees them by V looks.

    Attributes:
        pooled: V×M×C float16, the trunk's maps under each mask.
        whole: V×M×G float16, the last map's mean over each segment's photo.
        places: M×20 float32, see `model.embedders.geometry`.
        photo: M int64, number of each segment's photo.
        captioned: M bool, whether its texts are of the whole photo.
        texts: texts of each segment.
        proposed: a segmenter's masks of the same photos.
    """

    pooled: NDArray[np.float16]
    whole: NDArray[np.float16]
    places: NDArray[np.float32]
    photo: NDArray[np.int64]
    captioned: NDArray[np.bool_]
    texts: tuple[tuple[str, ...], ...]
    proposed: ProposedPairs = field(default_factory=ProposedPairs.empty)

    def fitting(self) -> dict[int, NDArray[np.int64]]:
        """Proposed masks that fit each segment; segments without any are left out."""
        fitting = np.flatnonzero(self.proposed.row != NONE)
        found = neighbours(self.proposed.row[fitting])
        return {row: fitting[places] for row, places in found.items()}

    def loose(self) -> dict[int, NDArray[np.int64]]:
        """Proposed masks that fit nothing, of each photo that has some."""
        loose = np.flatnonzero(self.proposed.row == NONE)
        found = neighbours(self.photo[self.proposed.near[loose]])
        return {photo: loose[places] for photo, places in found.items()}

    def without(self, named: re.Pattern[str]) -> PooledPairs:
        """Pairs without the texts that the pattern finds; one left with none is dropped."""
        texts = [tuple(t for t in of if not named.search(t)) for of in self.texts]
        rows = np.flatnonzero([bool(of) for of in texts])
        return PooledPairs(
            self.pooled[:, rows],
            self.whole[:, rows],
            self.places[rows],
            self.photo[rows],
            self.captioned[rows],
            tuple(texts[row] for row in rows),
            self.proposed.of_rows(rows, len(texts)),
        )


def pooled_pairs(
    pairs: Sequence[TrainingPair],
    trunks: Sequence[EfficientNetTrunk],
    context: TaskContext,
    skipped: SkippedRows,
    proposer: Proposer | None = None,
) -> PooledPairs:
    """The pairs' features, from the cache or from the photos.

    Args:
        pairs: pairs of any photos.
        trunks: trunks with the features that are pooled, one for each look.
        context: the cache, and who is told how far it is.
        skipped: takes what cannot be used.
        proposer: sees the same photos through a segmenter; none by default.

    Raises:
        DataMissing: no photo can be used.
    """
    stores = [FeatureStore(context.cache, f"{trunk.fingerprint} pooled") for trunk in trunks]
    by_photo: dict[Path, list[TrainingPair]] = defaultdict(list)
    for pair in pairs:
        by_photo[pair.photo].append(pair)
    pooled, whole, where, photos = [], [], [], []
    used: list[TrainingPair] = []
    proposed: list[ProposedPairs] = []
    for number, (photo, of_photo) in enumerate(by_photo.items()):
        if number and number % 500 == 0:
            context.tell(f"features of {number:,} of {len(by_photo):,} photos")
        try:
            seen = _features(photo, of_photo, trunks, stores)
            found = proposer.on(photo, of_photo, len(used)) if proposer else None
            where.append(_places(of_photo))
        except (PhotoError, ValueError) as error:
            skipped.note(str(photo), "the photo cannot be used", error)
            continue
        proposed += [found] if found else []
        pooled.append(seen[:, :-1])
        whole.append(np.repeat(seen[:, -1:, -CHANNELS[-1] :], len(of_photo), axis=1))
        photos.append(np.full(len(of_photo), number))
        used.extend(of_photo)
    context.tell(f"{stores[0].holdings()}")
    if not used:
        raise DataMissing("no photo can be used", "; ".join(skipped.lines()))
    return PooledPairs(
        np.concatenate(pooled, axis=1),
        np.concatenate(whole, axis=1),
        np.concatenate(where),
        np.concatenate(photos),
        np.array([pair.kind == PHOTO_KIND for pair in used]),
        tuple(pair.texts for pair in used),
        ProposedPairs.joined(proposed, len(trunks)),
    )


def _places(pairs: Sequence[TrainingPair]) -> NDArray[np.float32]:
    fit = [float(pair.kind != PHOTO_KIND) for pair in pairs]
    return np.concatenate(
        [
            places(Segments.from_counts(pair.size, [pair.counts], [own]))
            for pair, own in zip(pairs, fit, strict=True)
        ]
    )


def _features(
    photo: Path,
    pairs: Sequence[TrainingPair],
    trunks: Sequence[EfficientNetTrunk],
    stores: Sequence[FeatureStore],
) -> NDArray[np.float16]:
    """Pooled features of a photo's pairs, and last of all of it; V×(N+1)×C float16."""
    key = blake3(content_hash(photo))
    for pair in pairs:
        key.update(repr((pair.size, pair.counts)).encode())

    image = cache(lambda: read_image(photo, max_side=SIDE))  # for all looks, if any is missing

    def looked(trunk: EfficientNetTrunk) -> dict[str, NDArray[np.float32]]:
        features = trunk.features(image())
        rows = np.zeros((len(pairs) + 1, sum(CHANNELS)), np.float32)
        for size in {pair.size for pair in pairs}:  # data sets may state different ones
            chosen = [number for number, pair in enumerate(pairs) if pair.size == size]
            segments = Segments.from_counts(size, [pairs[number].counts for number in chosen])
            rows[[*chosen, -1]] = pooled_features(features, segments.with_whole()).numpy()
        return {"rows": rows}

    looks = [
        store.features(key.digest(), partial(looked, trunk))["rows"]
        for trunk, store in zip(trunks, stores, strict=True)
    ]
    return np.stack(looks)


def neighbours(photo: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Rows of each photo; `photo` is that of each row."""
    order = np.argsort(photo, kind="stable")
    numbers, first = np.unique(photo[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, first)[1:], strict=True))
