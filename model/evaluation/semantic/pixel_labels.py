"""Naming every pixel as USE is evaluated: masks → class probabilities → pixels → best class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.datasets.label_maps import UNJUDGED
from model.masks import rle


def class_probabilities(
    segments: NDArray[np.float32],
    names: NDArray[np.float32],
    owner: NDArray[np.int64],
    scale: float,
) -> NDArray[np.float64]:
    """N×C softmax over the classes of scaled cosines; a class is as near as its nearest name.

    Args:
        segments: N×D unit vectors.
        names: K×D unit vectors of the classes' names.
        owner: K int64, the class of each name; every class of 0..C-1 has one.
        scale: factor of the cosines, the inverse temperature.
    """
    cosines = segments @ names.T
    classes = int(owner.max()) + 1
    best = np.full((classes, len(segments)), -np.inf)
    np.maximum.at(best, owner, cosines.T.astype(np.float64))
    logits = scale * (best.T - best.T.max(axis=1, keepdims=True))
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def label_map(
    counts: Sequence[bytes],
    size: tuple[int, int],
    probabilities: NDArray[np.float64],
    whole: NDArray[np.float64],
) -> tuple[NDArray[np.int64], float]:
    """The class of every pixel: the greatest sum of probabilities of the masks that cover it.

    Pixels are summed once for every set of masks that covers some, not one by one: a set is known
    by the exclusive or of random 64-bit numbers, one a mask.

    Args:
        counts: N COCO compressed run lengths.
        size: (height, width) of the photo.
        probabilities: N×C, of each mask.
        whole: C, of the photo itself: for pixels that no mask covers.

    Returns:
        H×W int64, and the share of the pixels that a mask covers.
    """
    numbers = np.random.default_rng(0).integers(1, 2**63, len(counts), dtype=np.uint64)
    keys = np.zeros(size[0] * size[1], np.uint64)
    for run, number in zip(counts, numbers, strict=True):
        keys[rle.decode((run,), size).ravel()] ^= number
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    sets = np.zeros((len(first), len(counts)), np.bool_)
    for column, run in enumerate(counts):
        sets[:, column] = rle.decode((run,), size).ravel()[first]
    sums = sets.astype(np.float64) @ probabilities
    empty: NDArray[np.bool_] = ~np.any(sets, axis=1)
    sums[empty] = whole
    told = sums.argmax(axis=1)[place].reshape(size)
    return np.asarray(told, np.int64), float(1 - empty[place].mean())


class Confusion:
    """Counts of pixels by true and told class.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, true: NDArray[np.int64], told: NDArray[np.int64]) -> None:
        """One photo's labels (H×W each); pixels whose truth is `UNJUDGED` are left out."""
        judged = true != UNJUDGED
        classes = len(self.counts)
        pairs = true[judged] * classes + told[judged]
        self.counts += np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    def merge(self, cells: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Counts of another, of the same classes, as its `cells` gives them."""
        self.counts.ravel()[cells] += counts

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the counts that are not 0, and these."""
        filled = np.flatnonzero(self.counts)
        return filled, self.counts.ravel()[filled]

    def ious(self) -> NDArray[np.float64]:
        """C intersections over union; NaN for a class that is nowhere true.

        So counts detectron2: such a class has no part in the mean; pixels wrongly given to it
        are missing from the classes that they belong to.
        """
        hits = np.diag(self.counts).astype(np.float64)
        true, told = self.counts.sum(axis=1), self.counts.sum(axis=0)
        return np.where(true > 0, hits / np.maximum(true + told - hits, 1), np.nan)

    def accuracy(self) -> float:
        """Share of the judged pixels that are right; NaN without any."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts)) / total if total else float("nan")
