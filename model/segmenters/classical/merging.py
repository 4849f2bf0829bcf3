"""Greedy merging of neighbouring regions by colour, texture, size and fill (selective search)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLOUR_BINS = 16
ORIENTATIONS = 8
TEXTURE_BINS = 4


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Which regions of a partition touch, and how strong the edge between them is.

    Attributes:
        pairs: E×2 int64 region numbers, the smaller first, each pair once.
        lengths: E float32, pairs of adjacent pixels on their common border.
        contrasts: E float32, the edge strength summed over these pairs.
    """

    pairs: NDArray[np.int64]
    lengths: NDArray[np.float32]
    contrasts: NDArray[np.float32]

    @classmethod
    def of(cls, labels: NDArray[np.int64], edges: NDArray[np.float32]) -> Neighbours:
        """The neighbours in a label map (H×W, 0 … R-1), given edge strengths (H×W)."""
        count = int(labels.max()) + 1
        keys, strengths = [], []
        for here, there in (
            (np.s_[:, :-1], np.s_[:, 1:]),
            (np.s_[:-1, :], np.s_[1:, :]),
        ):
            one, other = labels[here], labels[there]
            border = one != other
            low = np.minimum(one[border], other[border])
            high = np.maximum(one[border], other[border])
            keys.append(low * count + high)
            strengths.append(np.maximum(edges[here][border], edges[there][border]))
        key, place = np.unique(np.concatenate(keys), return_inverse=True)
        return cls(
            np.stack([key // count, key % count], axis=1),
            np.bincount(place, minlength=len(key)).astype(np.float32),
            np.bincount(place, np.concatenate(strengths), len(key)).astype(np.float32),
        )


@dataclass(frozen=True, eq=False)
class Appearance:
    """Appearance of the regions of a partition; rows can be added to give a union's.

    Attributes:
        areas: R float64 pixels.
        histograms: R×K float64 counts of quantised colour, then of quantised gradients.
        boxes: R×4 float64 XYXY pixels.
    """

    areas: NDArray[np.float64]
    histograms: NDArray[np.float64]
    boxes: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.int64], lab: NDArray[np.float32]) -> Appearance:
        """Appearance of the regions of a label map (H×W, 0 … R-1) over a CIELAB image (H×W×3)."""
        count = int(labels.max()) + 1
        flat = labels.ravel()
        columns = []
        scaled = (lab - (0, -64, -64)) / (100, 128, 128)
        bins = np.clip((scaled * COLOUR_BINS).astype(np.int64), 0, COLOUR_BINS - 1)
        for channel in range(3):
            columns.append(_counts(flat, bins[..., channel].ravel(), count, COLOUR_BINS))
        dy, dx = np.gradient(lab[..., 0])
        turn = np.arctan2(dy, dx) / (2 * np.pi) + 0.5
        strength = np.log1p(np.hypot(dy, dx)) / np.log1p(30.0)
        orientation = np.clip((turn * ORIENTATIONS).astype(np.int64), 0, ORIENTATIONS - 1)
        level = np.clip((strength * TEXTURE_BINS).astype(np.int64), 0, TEXTURE_BINS - 1)
        texture = (orientation * TEXTURE_BINS + level).ravel()
        columns.append(_counts(flat, texture, count, ORIENTATIONS * TEXTURE_BINS))
        return cls(
            np.bincount(flat, minlength=count).astype(np.float64),
            np.concatenate(columns, axis=1),
            _boxes(labels, count),
        )


def merge_tree(neighbours: Neighbours, appearance: Appearance, largest: float) -> NDArray[np.bool_]:
    """Every union that greedy merging makes of R regions, as M×R membership.

    The most alike neighbours merge first; unions of more than `largest` pixels end a branch.
    Likeness is selective search's: histogram intersections, plus preferring small regions and
    unions that fill their box.
    """
    regions = len(appearance.areas)
    limit = 2 * regions
    area = np.zeros(limit)
    area[:regions] = appearance.areas
    histogram = np.zeros((limit, appearance.histograms.shape[1]))
    histogram[:regions] = appearance.histograms
    box = np.zeros((limit, 4))
    box[:regions] = appearance.boxes
    member = np.zeros((limit, regions), np.bool_)
    member[np.arange(regions), np.arange(regions)] = True
    total = float(appearance.areas.sum())
    touching: dict[int, set[int]] = {i: set() for i in range(regions)}
    for a, b in neighbours.pairs.tolist():
        touching[a].add(b)
        touching[b].add(a)

    def likeness(one: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
        first = histogram[one] / area[one]
        second = histogram[others] / area[others, None]
        alike = np.minimum(first, second)
        colour = alike[:, : 3 * COLOUR_BINS].sum(axis=1) / 3
        texture = alike[:, 3 * COLOUR_BINS :].sum(axis=1)
        union = area[one] + area[others]
        low = np.minimum(box[one, :2], box[others, :2])
        high = np.maximum(box[one, 2:], box[others, 2:])
        fill = 1 - ((high - low).prod(axis=1) - union) / total
        score = colour + texture + (1 - union / total) + fill
        return np.where(union > largest, -np.inf, score)

    one_side, other_side, score = [], [], []
    for a in range(regions):
        others = np.array(sorted(b for b in touching[a] if b > a), np.int64)
        if others.size:
            one_side += [a] * len(others)
            other_side += others.tolist()
            score += likeness(a, others).tolist()
    room = len(score) + limit * 12
    edge = np.zeros((room, 2), np.int64)
    value = np.full(room, -np.inf)
    edge[: len(score), 0], edge[: len(score), 1] = one_side, other_side
    value[: len(score)] = score
    used = len(score)
    made = regions
    while made < limit and used:
        best = int(value[:used].argmax())
        if value[best] == -np.inf:
            break
        a, b = int(edge[best, 0]), int(edge[best, 1])
        area[made] = area[a] + area[b]
        histogram[made] = histogram[a] + histogram[b]
        box[made, :2] = np.minimum(box[a, :2], box[b, :2])
        box[made, 2:] = np.maximum(box[a, 2:], box[b, 2:])
        member[made] = member[a] | member[b]
        around = (touching.pop(a) | touching.pop(b)) - {a, b}
        for c in around:
            touching[c] -= {a, b}
            touching[c].add(made)
        touching[made] = around
        gone = (edge[:used] == a).any(axis=1) | (edge[:used] == b).any(axis=1)
        value[:used][gone] = -np.inf
        others = np.array(sorted(around), np.int64)
        if used + len(others) > room:
            alive = np.flatnonzero(value[:used] > -np.inf)
            edge[: len(alive)], value[: len(alive)] = edge[alive], value[alive]
            used = len(alive)
        if others.size:
            edge[used : used + len(others), 0] = made
            edge[used : used + len(others), 1] = others
            value[used : used + len(others)] = likeness(made, others)
            used += len(others)
        made += 1
    return member[regions:made]


def _counts(
    rows: NDArray[np.int64], columns: NDArray[np.int64], height: int, width: int
) -> NDArray[np.float64]:
    table = np.bincount(rows * width + columns, minlength=height * width)
    return table.reshape(height, width).astype(np.float64)


def _boxes(labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    height, width = labels.shape
    box = np.zeros((count, 4))
    for axis, pixels in ((0, width), (1, height)):
        seen = np.zeros((count, pixels), np.bool_)
        place = np.broadcast_to(
            np.arange(pixels)[None, :] if axis == 0 else np.arange(pixels)[:, None], labels.shape
        )
        seen[labels.ravel(), place.ravel()] = True
        box[:, axis] = seen.argmax(axis=1)
        box[:, axis + 2] = pixels - seen[:, ::-1].argmax(axis=1)
    return box
