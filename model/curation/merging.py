"""Merging of segment–text pairs: one pair for each thing, with all that is said of it.

After USE (Wang et al., arXiv 2406.05271): masks of one photo that nearly equal each other are one
segment, which owns the texts of all. The IoU is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.curation.mask_maker import BoxMasks
from model.curation.records import Box
from model.datasets.pairs import BOX_KIND, CROWD_KIND, PHOTO_KIND, TrainingPair
from model.masks import rle
from model.masks.resizing import resize_mask

EQUAL = 0.8  # IoU from which two masks are one segment
OBJECT_KIND, PART_KIND = "object", "part"
APART = (PHOTO_KIND, CROWD_KIND)
"""Kinds that are merged with their own only: what is said of a photo or of a crowd is not true of
the one thing that may fill it."""


def drawn_pairs(photo: Path, boxes: Sequence[Box], masks: BoxMasks) -> list[TrainingPair]:
    """A pair for each box that has a mask, in the boxes' order, not merged yet.

    Args:
        photo: the image file.
        boxes: boxes in it.
        masks: masks of those boxes.
    """
    return [
        TrainingPair(
            photo,
            masks.size,
            counts,
            box.texts,
            PART_KIND if box.phrase.parent else OBJECT_KIND,
            tuple(dict.fromkeys((box.phrase.caption.engine, box.engine))),
            box.score,
        )
        for box, counts in zip(boxes, masks.counts, strict=True)
        if counts is not None
    ]


def merged(pairs: Sequence[TrainingPair], least: float = EQUAL) -> list[TrainingPair]:
    """The pairs of one photo, from any sources, with those of one segment united.

    Best first, a pair takes in all that nobody took in and that its mask overlaps by `least` or
    more: so no two masks of the result overlap so much, but for those of `APART` kinds with
    others. A `box` has no mask that could stand for others, and comes after all that have one.

    Of a segment the mask is the best pair's. Its texts are those of all, more words first, then
    the better pair's; letters' case and spaces make no difference. Its sources are those of all,
    its score is the highest. A `box` says nothing of its kind; of all others it is what they agree
    on, `object` where they do not.

    Args:
        pairs: pairs of one photo; of equal scores the earlier is the better. Frames may differ:
            all masks are brought into the finest.
        least: IoU from which two masks are one segment.

    Raises:
        ValueError: the pairs are of several photos.
    """
    if len({pair.photo for pair in pairs}) > 1:
        raise ValueError("pairs of several photos were given, expected one photo's")
    if not pairs:
        return []
    ranked = sorted(_in_one_frame(pairs), key=lambda pair: (pair.kind == BOX_KIND, -pair.score))
    counts = [pair.counts for pair in ranked]
    equal = rle.iou(counts, counts, ranked[0].size) >= least
    layers = np.array([pair.kind if pair.kind in APART else "" for pair in ranked])
    equal &= layers[:, None] == layers[None]
    free = np.ones(len(ranked), np.bool_)
    result = []
    for number, pair in enumerate(ranked):
        if free[number]:
            members = free & equal[number]
            members[number] = True
            free &= ~members
            result.append(_united(pair, [ranked[i] for i in np.flatnonzero(members)]))
    return result


def merged_photos(pairs: Iterable[TrainingPair], least: float = EQUAL) -> Iterator[TrainingPair]:
    """Pairs of any photos, in any order, merged photo by photo as by `merged`.

    All pairs are held in memory; photos come in the order in which they were first seen.
    """
    photos: dict[Path, list[TrainingPair]] = {}
    for pair in pairs:
        photos.setdefault(pair.photo, []).append(pair)
    for own in photos.values():
        yield from merged(own, least)


def _united(best: TrainingPair, members: Sequence[TrainingPair]) -> TrainingPair:
    """One pair of all members, which are given best first."""
    texts: dict[str, str] = {}
    for text in (text for member in members for text in member.texts):
        texts.setdefault(" ".join(text.casefold().split()), text)
    kinds = {member.kind for member in members} - {BOX_KIND} or {BOX_KIND}
    return replace(
        best,
        texts=tuple(sorted(texts.values(), key=lambda text: -len(text.split()))),
        kind=kinds.pop() if len(kinds) == 1 else OBJECT_KIND,
        sources=tuple(dict.fromkeys(source for member in members for source in member.sources)),
        score=max(member.score for member in members),
    )


def _in_one_frame(pairs: Sequence[TrainingPair]) -> list[TrainingPair]:
    """Pairs with their masks in the finest of their frames."""
    finest = max((pair.size for pair in pairs), key=lambda size: (size[0] * size[1], size))
    return [
        pair
        if pair.size == finest
        else replace(pair, size=finest, counts=resize_mask(pair.counts, pair.size, finest))
        for pair in pairs
    ]
