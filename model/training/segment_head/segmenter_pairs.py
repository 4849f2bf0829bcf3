"""A segmenter's own masks beside the pairs of their photos: what a head will have to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from model.datasets.pairs import TrainingPair
from model.embedders.geometry import PLACES, places
from model.embedders.pooling import pooled_features
from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.evaluation.masks.mask_recall import in_photo_frame
from model.masks import rle
from model.masks.grouping import NOTICED, NOTICED_INSIDE
from model.masks.segments import Segments
from model.photos.images import Image, content_hash, read_image
from model.presets.preset import Preset
from model.segmenter import Segmenter
from model.training.loop.feature_store import FeatureStore

FITS = 0.5  # IoU from which a mask shows what the pair names
LOOSE = 0.4  # IoU up to which it does not; of those between nobody can say
PART_OF_STUFF = 0.8  # share inside of sky or grass from which a mask is some of it, not wrong
MOST = 40  # masks a photo that are kept: all that fit, then those that overlap most
BEST = 32  # masks of a photo that are kept where nothing is known of it but words
NONE = -1
_DRAWN_BY = ("trunk", "masks")  # the weights that decide which masks a photo gets
_NAMED = ("object", "part", "stuff")


@dataclass(frozen=True, eq=False)
class ProposedPairs:
    """P masks of a segmenter, as the head sees them by V looks.

    Attributes:
        pooled: V×P×C float16, the trunk's maps under each mask.
        places: P×20 float32, see `model.embedders.geometry`.
        row: P int64, the row of the pair that each shows, or `NONE`: it overlaps some, but fits
            none of them.
        near: P int64, a row of the same photo.
    """

    pooled: NDArray[np.float16]
    places: NDArray[np.float32]
    row: NDArray[np.int64]
    near: NDArray[np.int64]

    @classmethod
    def empty(cls, looks: int = 1) -> ProposedPairs:
        """No masks."""
        none = np.zeros(0, np.int64)
        return cls(
            np.zeros((looks, 0, sum(CHANNELS)), np.float16),
            np.zeros((0, PLACES), np.float32),
            none,
            none,
        )

    @classmethod
    def joined(cls, parts: Sequence[ProposedPairs], looks: int = 1) -> ProposedPairs:
        """All of several."""
        parts = [cls.empty(looks), *parts]
        return cls(
            np.concatenate([part.pooled for part in parts], axis=1),
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.near for part in parts]),
        )

    def of_rows(self, rows: NDArray[np.int64], count: int) -> ProposedPairs:
        """Masks whose pairs are among `rows` of `count`, told by their places among these."""
        place = np.full(count + 1, NONE, np.int64)
        place[rows] = np.arange(len(rows))
        kept = (place[self.near] != NONE) & ((self.row == NONE) | (place[self.row] != NONE))
        return ProposedPairs(
            self.pooled[:, kept], self.places[kept], place[self.row[kept]], place[self.near[kept]]
        )


@dataclass(frozen=True, eq=False)
class PhotoFeatures:
    """P masks of a photo, as the head sees them by V looks.

    Attributes:
        pooled: V×P×C float16, the trunk's maps under each mask.
        places: P×20 float32, see `model.embedders.geometry`.
        whole: V×G float16, the last map's mean over the photo.
    """

    pooled: NDArray[np.float16]
    places: NDArray[np.float32]
    whole: NDArray[np.float16]


class Proposer:
    """Sees photos through a preset's segmenter, and keeps what it saw.

    Args:
        preset: preset with the segmenter to use.
        trunks: trunks with the features that are pooled, one for each look.
        cache: folder of the features' stores.
        share: share of the photos that are seen so, chosen by their content.
    """

    def __init__(
        self,
        preset: Preset,
        trunks: Sequence[EfficientNetTrunk],
        cache: Path,
        share: float = 1.0,
    ) -> None:
        weights = [preset.weights[role].sha256 for role in _DRAWN_BY if role in preset.weights]
        name = (sorted(preset.segmenter.items()), preset.image_side, weights)
        self._preset, self._trunks, self._share = preset, trunks, share
        seeing = [trunk.fingerprint for trunk in trunks]
        self._store = FeatureStore(cache, f"{seeing} proposed by {name}")
        self._segmenter: Segmenter | None = None

    def on(self, photo: Path, pairs: Sequence[TrainingPair], first: int) -> ProposedPairs:
        """The masks on a photo that have to do with its pairs.

        Args:
            photo: the file.
            pairs: all of it.
            first: the first pair's row; the others follow.

        Raises:
            PhotoError: the photo cannot be read.
        """
        size = pairs[0].size  # data sets may state different ones
        named = [n for n, pair in enumerate(pairs) if pair.kind in _NAMED and pair.size == size]
        content = content_hash(photo)
        if not named or content[0] >= 256 * self._share:
            return ProposedPairs.empty(len(self._trunks))
        key = blake3(content)
        for number in named:
            key.update(repr((number, size, pairs[number].counts)).encode())
        kept = self._store.features(
            key.digest(), lambda: self._look(photo, {n: pairs[n] for n in named})
        )
        shown = kept["shown"].astype(np.int64)  # small integers, exact in float16
        return ProposedPairs(
            kept["pooled"],
            kept["places"].astype(np.float32),
            np.where(shown == NONE, NONE, first + shown),
            np.full(len(shown), first),
        )

    def best(self, photo: Path) -> PhotoFeatures:
        """The `BEST` masks on a photo, whatever it shows.

        Raises:
            PhotoError: the photo cannot be read.
        """
        key = blake3(content_hash(photo) + b" best")
        kept = self._store.features(key.digest(), lambda: self._best(photo))
        return PhotoFeatures(kept["pooled"], kept["places"].astype(np.float32), kept["whole"])

    def _best(self, photo: Path) -> dict[str, NDArray[np.float32]]:
        image, segments = self._segmented(photo)
        seen = segments[:BEST]
        pooled = self._pooled(image, seen.with_whole())
        return {
            "pooled": pooled[:, :-1],
            "places": places(seen),
            "whole": pooled[:, -1, -CHANNELS[-1] :],
        }

    def _look(self, photo: Path, pairs: dict[int, TrainingPair]) -> dict[str, NDArray[np.float32]]:
        image, segments = self._segmented(photo)
        shown, chosen = judged(segments, list(pairs.values()))
        numbers = np.array([*pairs, NONE])
        seen = segments[chosen]
        return {
            "pooled": self._pooled(image, seen),
            "places": places(seen),
            "shown": numbers[shown].astype(np.float32),
        }

    def _pooled(self, image: Image, segments: Segments) -> NDArray[np.float32]:
        seen = [pooled_features(trunk.features(image), segments) for trunk in self._trunks]
        return np.stack([of_look.numpy() for of_look in seen])

    def _segmented(self, photo: Path) -> tuple[Image, Segments]:
        if self._segmenter is None:
            self._segmenter = self._preset.build_segmenter()
        image = read_image(photo, max_side=self._preset.image_side)
        return image, self._segmenter.segment(image)


def judged(
    segments: Segments, pairs: Sequence[TrainingPair]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choice of a photo's N segments worth learning from, at most `MOST`.

    Args:
        segments: segments of the photo.
        pairs: pairs of the photo, in frames of one size.

    Returns:
        Of each chosen one the place of the pair that it shows, or `NONE`; and its number.
    """
    size = pairs[0].size
    counts, true = in_photo_frame(segments, size), [pair.counts for pair in pairs]
    iou = rle.iou(counts, true, size)
    areas = rle.areas(counts, size)[:, None]
    both = iou / (1 + iou) * (areas + rle.areas(true, size)[None, :])
    inside = both / np.maximum(areas, 1)
    stuff = np.array([pair.kind == "stuff" for pair in pairs])
    best = iou.max(axis=1, initial=0)
    fits = best >= FITS
    near = ((iou >= NOTICED) | (inside >= NOTICED_INSIDE)).any(axis=1)
    some = (inside[:, stuff] >= PART_OF_STUFF).any(axis=1)
    loose = near & (best <= LOOSE) & ~some
    order = np.argsort(-best - fits, kind="stable")
    chosen = order[(fits | loose)[order]][:MOST]
    shown = np.where(fits[chosen], iou[chosen].argmax(axis=1), NONE)
    return shown.astype(np.int64), chosen.astype(np.int64)
