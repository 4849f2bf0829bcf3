"""Photos that people outlined: which are learned from, how often, and which are measured."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.datasets.corpus import held_back
from model.datasets.ground_truth import TruePhoto, read_truth, regions_of


@dataclass(frozen=True)
class OutlinedPhotos:
    """A recipe's section [task.photos].

    Attributes:
        weights: frequency of each source's photos; 1 where none is given.
        exhaustive: sources in which what nobody outlined is nothing.
        measured: sources that are measured; all where none is given.
        most: photos a source and split that are measured at most; 0: all.
        holdout: share of the split `train` that is kept back to be measured.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    exhaustive: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    most: int = 0
    holdout: float = 0.0

    def read(self, data: Path) -> tuple[list[TruePhoto], dict[str, list[TruePhoto]]]:
        """The photos of a corpus that are learned from, and those that are measured on, by what
        their figures are called; no group is empty: `val`, `held` back from training, and, for
        comparison, `seen` in it."""
        train = _outlined(data, "train")
        learned = [photo for photo in train if not self._held(photo)]
        groups = {
            "val": _outlined(data, "val"),
            "held": [photo for photo in train if self._held(photo)],
            "seen": learned,
        }
        some = {name: self._some(photos) for name, photos in groups.items()}
        return learned, {name: photos for name, photos in some.items() if photos}

    def order(
        self,
        photos: Sequence[TruePhoto],
        batch: int,
        seed: int,
        shapes: Sequence[tuple[int, int]] = (),
    ) -> list[list[int]]:
        """An epoch: as many draws as there are photos, in batches.

        Args:
            photos: photos to draw from, with replacement, by the weights of their sources.
            batch: photos a batch; what does not fill one is left out.
            seed: decides everything.
            shapes: shape of each photo; only like shapes go into one batch. None: any do.
        """
        shares = [self.weights.get(photo.source, 1.0) for photo in photos]
        drawn = random.Random(seed).choices(range(len(photos)), shares, k=len(photos))
        waiting: dict[tuple[int, int] | None, list[int]] = defaultdict(list)
        order: list[list[int]] = []
        for number in drawn:
            group = waiting[shapes[number] if shapes else None]
            group.append(number)
            if len(group) == batch:
                order.append(list(group))
                group.clear()
        return order

    def _held(self, photo: TruePhoto) -> bool:
        return held_back(photo.source, photo.path.name, self.holdout)

    def _some(self, photos: Sequence[TruePhoto]) -> list[TruePhoto]:
        """The first photos of each measured source that are asked for any region."""
        chosen: dict[str, list[TruePhoto]] = defaultdict(list)
        for photo in photos:
            own = chosen[photo.source]
            wanted = not self.measured or photo.source in self.measured
            if wanted and (not self.most or len(own) < self.most) and regions_of(photo, 0):
                own.append(photo)
        return [photo for own in chosen.values() for photo in own]


def _outlined(data: Path, split: str) -> list[TruePhoto]:
    return [photo for photo in read_truth(data, split).photos if photo.regions]
