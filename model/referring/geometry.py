"""Geometry of expressions: where things of one photo lie to each other, and in what each exceeds.

All is of boxes, as shares of the photo's sides, so frames of any size give the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from model.masks.segments import Segments

Floats = NDArray[np.float64]

SHIFT = 0.03
"""Share of the photo's side by which a centre lies beside another one for sure."""
GAP = 0.05
"""Share of the photo's side between two boxes that makes them far from each other."""
SIZE_RATIO = 0.2  # difference of the areas' logarithms that makes one the larger for sure


def boxes_of(segments: Segments) -> Floats:
    """N×4 boxes, XYXY, as shares of the photo's width and height."""
    height, width = segments.size
    shares: Floats = segments.boxes / np.array([width, height, width, height], np.float64)
    return shares


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))))


def _sides(a: Floats, b: Floats) -> tuple[Floats, ...]:
    """N×1 and 1×M coordinates of both lists of boxes."""
    return (*(a[:, i, None] for i in range(4)), *(b[None, :, i] for i in range(4)))


def _shift(a: Floats, b: Floats, axis: int) -> Floats:
    """N×M: how far the centre of b lies past that of a, along the width (0) or the height (1)."""
    one, other = (boxes[:, axis] + boxes[:, axis + 2] for boxes in (a, b))
    return np.asarray((other[None, :] - one[:, None]) / 2)


def _gaps(a: Floats, b: Floats) -> Floats:
    """N×M: distance between boxes, 0 where they touch."""
    ax0, ay0, ax1, ay1, bx0, by0, bx1, by1 = _sides(a, b)
    across = np.maximum(np.maximum(ax0 - bx1, bx0 - ax1), 0)
    down = np.maximum(np.maximum(ay0 - by1, by0 - ay1), 0)
    return np.asarray(np.hypot(across, down))


def _inside(a: Floats, b: Floats) -> Floats:
    """N×M: share of a's box that lies in b's."""
    ax0, ay0, ax1, ay1, bx0, by0, bx1, by1 = _sides(a, b)
    across = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), 0)
    down = np.maximum(np.minimum(ay1, by1) - np.maximum(ay0, by0), 0)
    return np.asarray(across * down / np.maximum((ax1 - ax0) * (ay1 - ay0), 1e-12))


def _above_on(a: Floats, b: Floats) -> Floats:
    """N×M: whether a ends above b's end, over its width and touching it."""
    ax0, _, ax1, ay1, bx0, _, bx1, by1 = _sides(a, b)
    over = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), 0)
    share = over / np.maximum(np.minimum(ax1 - ax0, bx1 - bx0), 1e-12)
    return np.asarray(share * _sigmoid((by1 - ay1) / SHIFT) * _near(a, b))


def _near(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.exp(-_gaps(a, b) / GAP))


def _larger(a: Floats, b: Floats) -> Floats:
    one, other = (
        np.log(np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-12))
        for boxes in (a, b)
    )
    return _sigmoid((one[:, None] - other[None, :]) / SIZE_RATIO)


def _behind(a: Floats, b: Floats) -> Floats:
    """N×M: whether a is near b and ends higher up, as what stands farther away does."""
    return np.asarray(_near(a, b) * _sigmoid((b[None, :, 3] - a[:, 3, None]) / SHIFT))


def _front(a: Floats, b: Floats) -> Floats:
    return np.asarray(_behind(b, a).T)


def _within(a: Floats, b: Floats) -> Floats:
    return np.asarray(_inside(a, b) * _larger(b, a).T)


def _has(a: Floats, b: Floats) -> Floats:
    return np.asarray(_within(b, a).T)


def _holds(a: Floats, b: Floats) -> Floats:
    """N×M: what is held or led lies at least beside whoever has it."""
    return np.asarray(0.5 * _near(a, b) + 0.5 * _inside(b, a).T)


RELATIONS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "left": lambda a, b: _sigmoid(_shift(a, b, 0) / SHIFT),
    "right": lambda a, b: _sigmoid(-_shift(a, b, 0) / SHIFT),
    "above": lambda a, b: _sigmoid(_shift(a, b, 1) / SHIFT),
    "below": lambda a, b: _sigmoid(-_shift(a, b, 1) / SHIFT),
    "near": _near,
    "on": _above_on,
    "in": _within,
    "of": _within,
    "behind": _behind,
    "front": _front,
    "wearing": _has,
    "with": _holds,
    "larger": _larger,
    "smaller": lambda a, b: np.asarray(_larger(b, a).T),
    "between": _near,
}
"""N×M numbers from 0 to 1 of N and M boxes (XYXY, shares of the photo): how true a relation is of
each pair. "between" is of three things (`between`); of one of them it asks for nearness."""


def between(a: Floats, b: Floats, c: Floats) -> Floats:
    """N×M×K: whether the centre of each a lies between those of b and c, 0 to 1.

    The foot of a's centre on the line from b to c has to lie amid them, and the centre near it.
    """
    centre = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (a, b, c)]
    start = centre[1][None, :, None, :]
    way = centre[2][None, None, :, :] - start
    off = centre[0][:, None, None, :] - start
    length = np.maximum((way**2).sum(axis=-1), 1e-12)
    along = (off * way).sum(axis=-1) / length
    aside = np.sqrt(np.maximum((off**2).sum(axis=-1) - along**2 * length, 0))
    amid = _sigmoid(along / 0.1) * _sigmoid((1 - along) / 0.1)
    return np.asarray(amid * np.exp(-aside / (3 * GAP)))


EXTREMES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "left": lambda boxes, areas: -(boxes[:, 0] + boxes[:, 2]) / 2,
    "right": lambda boxes, areas: (boxes[:, 0] + boxes[:, 2]) / 2,
    "top": lambda boxes, areas: -(boxes[:, 1] + boxes[:, 3]) / 2,
    "bottom": lambda boxes, areas: (boxes[:, 1] + boxes[:, 3]) / 2,
    "large": lambda boxes, areas: np.log(areas) / 4,
    "small": lambda boxes, areas: -np.log(areas) / 4,
    "tall": lambda boxes, areas: np.log(boxes[:, 3] - boxes[:, 1]) / 2,
    "short": lambda boxes, areas: -np.log(boxes[:, 3] - boxes[:, 1]) / 2,
    "wide": lambda boxes, areas: np.log(boxes[:, 2] - boxes[:, 0]) / 2,
    "narrow": lambda boxes, areas: -np.log(boxes[:, 2] - boxes[:, 0]) / 2,
    "near": lambda boxes, areas: boxes[:, 3] + np.log(areas) / 8,
    "far": lambda boxes, areas: -boxes[:, 3] - np.log(areas) / 8,
}
"""N numbers for N boxes (XYXY, shares of the photo) and areas (shares): in what a superlative says
that a thing exceeds. What is near stands low in a photo, and is large."""

PLACES: dict[str, Callable[[Floats, Floats], Floats]] = {
    **{side: EXTREMES[side] for side in ("left", "right", "top", "bottom", "large", "small")},
    "middle": lambda boxes, areas: -np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - 0.5),
    "foreground": EXTREMES["near"],
    "background": EXTREMES["far"],
}
"""The same for parts of the photo where a thing may lie."""
