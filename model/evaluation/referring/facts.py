"""Facts of a photo's regions that set one of several apart: where it lies, how large it is, what it
is beside. Between what is so and what is not nobody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import STUFF_KIND, TruePhoto
from model.evaluation.retrieval.colour_queries import FAINT, colour_shares
from model.evaluation.retrieval.position_queries import mask_centres
from model.language.closed_words import closed_words
from model.language.plurals import is_plural
from model.masks import rle
from model.photos.colour_terms import NAMES, colour_terms

Numbers = NDArray[np.float64]

LEAST = 0.003  # share of the photo; smaller regions are not meant
APART = 0.06  # share of the photo's side by which a centre is clearly beyond another
IN_ORDER = 0.04  # share of it between neighbours that are counted
RATIO = 1.5  # of areas, from which one is clearly the larger
TOUCHING, DISTANT = 0.03, 0.12  # gaps, shares of the side: what is next to a thing, and what not
MOSTLY = 0.4  # share of a region that a colour covers, by which it is called so
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
PARTS_OF_THINGS = frozenset(
    {"voc_cosegmentation", "camvid", "labelme_facade", "tree_trunks", "clothing"}
)
"""Sources whose regions may be a part of a thing, or several that touch: none can be counted."""
_SUPPORTS = re.compile(
    r"\b(?:horse|bicycle|motorcycle|bench|couch|chair|table|bed|surfboard|skateboard|snowboard|skis"
    r"|boat|elephant|plate|desk|shelf|counter|cow|truck)$"
)
_SIDED = re.compile(r"\b(?:left|right|front|back|top|bottom|upper|lower|middle)\b")
_MASSES = frozenset({"hair", "skin", "food", "cake", "broccoli"})


@dataclass(frozen=True)
class Fact:
    """What is true of one region, and of no other with its name.

    Attributes:
        said: name of the templates that say it.
        region: number of the region.
        name: its name.
        words: other words of the templates, by their names.
    """

    said: str
    region: int
    name: str
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Photo:
    """M regions in numbers, as shares of the photo's sides."""

    phrases: Sequence[Sequence[str]]
    things: NDArray[np.bool_]
    centres: Numbers
    boxes: Numbers
    areas: Numbers

    def named(self, name: str) -> NDArray[np.int64]:
        return np.array([n for n, own in enumerate(self.phrases) if name in own], np.int64)


def facts(photo: TruePhoto) -> Iterator[Fact]:
    """Facts of a photo's regions that can be told from their outlines, in their names' order."""
    if not photo.regions or photo.source in PARTS_OF_THINGS:
        return
    seen = _measured(photo)
    single = {
        name: int(rows[0])
        for name in sorted({text for own in seen.phrases for text in own})
        if len(rows := seen.named(name)) == 1 and seen.things[rows[0]]
    }
    for name in sorted({own[0] for own in seen.phrases if own}):
        rows = seen.named(name)
        last = name.split()[-1]
        uncounted = is_plural(last) or last in _MASSES or last in closed_words("never_plural")
        if len(rows) < 2 or _SIDED.search(name) or uncounted or not seen.things[rows].all():
            continue
        yield from _sides(seen, name, rows)
        yield from _sizes(seen, name, rows)
        yield from _orders(seen, name, rows)
        others = {
            other: row
            for other, row in single.items()
            if not _SIDED.search(other) and not set(seen.phrases[row]) & _all(seen, rows)
        }
        yield from _relations(seen, name, rows, others)
        yield from _between(seen, name, rows, others)


def seen_facts(photo: TruePhoto, pixels: NDArray[np.uint8]) -> Iterator[Fact]:
    """Facts of colours, and of what people wear, which the pixels are needed for.

    Args:
        photo: photo with its regions.
        pixels: its H×W×3 uint8 sRGB.
    """
    if not photo.regions:
        return
    seen = _measured(photo)
    yield from _worn(photo, seen)
    if photo.source in PARTS_OF_THINGS:
        return
    shares = colour_shares(colour_terms(pixels), [r.counts for r in photo.regions], photo.size)
    for name in sorted({own[0] for own in seen.phrases if own}):
        rows = seen.named(name)
        if len(rows) < 2 or set(name.split()) & {*NAMES, "gray"} or not seen.things[rows].all():
            continue
        for number, colour in enumerate(NAMES):
            clear = rows[shares[rows, number] >= MOSTLY]
            if len(clear) == 1 and (shares[rows, number] <= FAINT).sum() == len(rows) - 1:
                yield Fact("colour", int(clear[0]), name, {"c": colour})


def _measured(photo: TruePhoto) -> _Photo:
    counts, (height, width) = [region.counts for region in photo.regions], photo.size
    boxes = rle.boxes(counts, photo.size).astype(np.float64)
    areas = rle.areas(counts, photo.size) / (height * width)
    kinds = np.array([region.kind != STUFF_KIND for region in photo.regions])
    return _Photo(
        [region.phrases for region in photo.regions],
        kinds & (areas >= LEAST),
        mask_centres(counts, photo.size),
        boxes / np.array([width, height, width, height]),
        np.maximum(areas, 1e-9),
    )


def _all(seen: _Photo, rows: NDArray[np.int64]) -> set[str]:
    return {text for row in rows for text in seen.phrases[row]}


def _ordered(values: Numbers, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Numbers]:
    order = np.argsort(values[rows], kind="stable")
    return rows[order], np.diff(values[rows][order])


def _sides(seen: _Photo, name: str, rows: NDArray[np.int64]) -> Iterator[Fact]:
    for axis, (low, high), (lowest, highest) in (
        (0, ("on the left", "on the right"), ("leftmost", "rightmost")),
        (1, ("at the top", "at the bottom"), ("topmost", "lowest")),
    ):
        order, gaps = _ordered(seen.centres[:, axis], rows)
        first, last = int(order[0]), int(order[-1])
        if gaps[0] >= APART:
            yield Fact(lowest, first, name)
            if seen.centres[first, axis] <= 0.45:
                yield Fact(low, first, name)
        if gaps[-1] >= APART:
            yield Fact(highest, last, name)
            if seen.centres[last, axis] >= 0.55:
                yield Fact(high, last, name)
        amid = abs(seen.centres[order[1], 0] - 0.5) <= 0.15
        if axis == 0 and len(rows) == 3 and gaps.min() >= APART and amid:
            yield Fact("in the middle", int(order[1]), name)


def _sizes(seen: _Photo, name: str, rows: NDArray[np.int64]) -> Iterator[Fact]:
    order = rows[np.argsort(seen.areas[rows], kind="stable")]
    ratios = [seen.areas[b] / seen.areas[a] for a, b in pairwise(order)]
    if ratios[0] >= RATIO:
        yield Fact("smallest", int(order[0]), name)
    if ratios[-1] >= RATIO:
        yield Fact("largest", int(order[-1]), name)


def _orders(seen: _Photo, name: str, rows: NDArray[np.int64]) -> Iterator[Fact]:
    order, gaps = _ordered(seen.centres[:, 0], rows)
    if len(rows) < 3 or gaps.min() < IN_ORDER:
        return
    for place in range(1, min(len(order), len(ORDINALS)) - 1):
        for said, row in (("from the left", order[place]), ("from the right", order[-1 - place])):
            words = {"n": ORDINALS[place], "k": str(place + 1)}
            yield Fact(said, int(row), name, words)


def _relations(
    seen: _Photo, name: str, rows: NDArray[np.int64], others: Mapping[str, int]
) -> Iterator[Fact]:
    for other, anchor in others.items():
        shift = seen.centres[rows] - seen.centres[anchor]
        words = {"y": other}
        for said, way in (
            ("left of", -shift[:, 0]), ("right of", shift[:, 0]),
            ("above", -shift[:, 1]), ("below", shift[:, 1]),
        ):  # fmt: skip
            there = rows[way >= APART]
            if len(there) == 1 and (way <= -APART / 2).sum() == len(rows) - 1:
                yield Fact(said, int(there[0]), name, words)
        gaps = np.array([_gap(seen.boxes[row], seen.boxes[anchor]) for row in rows])
        order = np.argsort(gaps, kind="stable")
        if gaps[order[0]] <= TOUCHING and gaps[order[1]] >= DISTANT:
            nearest = rows[order[0]]
            yield Fact("next to", int(nearest), name, words)
            on = _rests(seen.boxes[nearest], seen.boxes[anchor])
            if _SUPPORTS.search(other) and on:
                yield Fact("on", int(nearest), name, words)


def _between(
    seen: _Photo, name: str, rows: NDArray[np.int64], others: Mapping[str, int]
) -> Iterator[Fact]:
    """What lies beside one thing and before another, in one line across."""
    across, down = seen.centres.T
    for one, left in others.items():
        for other, right in others.items():
            if across[right] - across[left] < 3 * APART or abs(down[right] - down[left]) > APART:
                continue
            amid = (across[rows] >= across[left] + APART) & (across[rows] <= across[right] - APART)
            level = np.abs(down[rows] - (down[left] + down[right]) / 2) <= APART
            outside = (across[rows] < across[left]) | (across[rows] > across[right])
            if (amid & level).sum() == 1 and outside.sum() == len(rows) - 1:
                row = int(rows[amid & level][0])
                yield Fact("between", row, name, {"y": one, "z": other})


def _worn(photo: TruePhoto, seen: _Photo) -> Iterator[Fact]:
    """Persons with something on that no other person of the photo has on."""
    people = [int(row) for row in seen.named("person") if seen.things[row]]
    for name in sorted({own[0] for own in seen.phrases if own}):
        if photo.source != "clothing" or name in {"person", "hair", "bare skin", "skin"}:
            continue
        wearers = [p for p in people if any(_covers(photo, p, int(g)) for g in seen.named(name))]
        if len(wearers) == 1:
            yield Fact("wearing", wearers[0], "person", {"y": name})


def _covers(photo: TruePhoto, person: int, garment: int) -> bool:
    counts = [photo.regions[person].counts, photo.regions[garment].counts]
    both = rle.decode(counts, photo.size)
    return bool((both[0] & both[1]).sum() >= 0.8 * both[1].sum())


def _gap(one: Numbers, other: Numbers) -> float:
    across = max(one[0] - other[2], other[0] - one[2], 0.0)
    down = max(one[1] - other[3], other[1] - one[3], 0.0)
    return float(np.hypot(across, down))


def _rests(one: Numbers, other: Numbers) -> bool:
    over = min(one[2], other[2]) - max(one[0], other[0])
    above = one[3] <= other[3] and (one[1] + one[3]) / 2 < (other[1] + other[3]) / 2
    return bool(above and over >= 0.6 * (one[2] - one[0]))
