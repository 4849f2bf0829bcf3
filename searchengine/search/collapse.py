"""Collapse: what answers alike counts once.

A photo has many segments of one thing (the cat, the cat without its tail), and a collection has
many photos of one moment. The best of each stands for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.catalog.records import SegmentRow
from model.masks import rle
from model.masks.grouping import nearly, same_object
from searchengine.photos.segment_rows import is_whole

HASH_BITS = 6  # bits by which the perceptual hashes of near-duplicates may differ
ALL_BITS = (1 << 64) - 1  # the hashes are signed
LOOKALIKE = 0.95  # cosine of whole photos from which near-duplicates are believed

Scored = tuple[SegmentRow, float]


@dataclass
class Answer:
    """A segment, and what it stands for.

    Attributes:
        segment: segment that is shown.
        score: the best of all that it stands for.
        scored: id of the segment that has this score.
        merged: ids of the other segments of its photo that it stands for.
        duplicates: ids of photos that look the same and answered after it.
    """

    segment: SegmentRow
    score: float
    scored: int
    merged: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, segment: SegmentRow, score: float) -> Answer:
        """A segment that stands for itself."""
        return cls(segment, score, segment.id)

    def stand_for(self, segment: SegmentRow) -> None:
        """Let this answer stand for a segment too; a thing is shown rather than its photo."""
        if is_whole(self.segment) and not is_whole(segment):
            self.segment, segment = segment, self.segment
        self.merged.append(segment.id)


def collapse(
    portions: Iterable[Sequence[Scored]],
    cosine: Callable[[int, int], float],
    k: int,
    per_photo: int | None = None,
    hidden: Sequence[Scored] = (),
) -> list[Answer]:
    """The segments that stand for all others, best first.

    Args:
        portions: segments and scores, best first; no more are taken than it needs for k answers.
        cosine: cosine of two photos as wholes, by their ids; asked for only where their
            perceptual hashes are close.
        k: answers at the most.
        per_photo: answers from one photo at the most.
        hidden: segments and scores that are no answers, nor is what they stand for.
    """
    answers: list[Answer] = []
    kept: dict[int, list[Answer]] = {}
    shown: dict[int, int] = {}
    original: dict[int, int] = {}
    hashes: dict[int, int] = {}
    for segment, score in hidden:
        kept.setdefault(segment.photo_id, []).append(Answer.of(segment, score))
        original[segment.photo_id] = segment.photo_id
        hashes[segment.photo_id] = segment.photo_hash & ALL_BITS
    for segment, score in _taken(portions, lambda: len(answers) >= k):
        photo_id = segment.photo_id
        if photo_id not in original:
            mine = segment.photo_hash & ALL_BITS
            near = [i for i, other in hashes.items() if (mine ^ other).bit_count() <= HASH_BITS]
            alike = (other for other in near if cosine(photo_id, other) >= LOOKALIKE)
            original[photo_id] = next(alike, photo_id)
            if original[photo_id] == photo_id:
                hashes[photo_id] = mine
        if original[photo_id] != photo_id:
            first = kept[original[photo_id]][0]
            if photo_id not in first.duplicates:
                first.duplicates.append(photo_id)
            continue
        siblings = kept.setdefault(photo_id, [])
        better = _standing_for(segment, score, siblings)
        if better is not None:
            better.stand_for(segment)
        elif per_photo is None or shown.get(photo_id, 0) < per_photo:
            siblings.append(Answer.of(segment, score))
            answers.append(siblings[-1])
            shown[photo_id] = shown.get(photo_id, 0) + 1
    return answers[:k]


def _taken(portions: Iterable[Sequence[Scored]], enough: Callable[[], bool]) -> Iterator[Scored]:
    """All of one portion after the other, as a part may follow the whole that it belongs to."""
    for portion in portions:
        yield from portion
        if enough():
            return


def _standing_for(segment: SegmentRow, score: float, answers: list[Answer]) -> Answer | None:
    """The answer of the same photo that shows the same thing, if there is one."""
    near = [a for a in answers if _touch(a.segment.box, segment.box)]
    if not near:
        return None
    overlaps = rle.iou([segment.counts], [a.segment.counts for a in near], segment.frame)[0]
    areas = np.array([answer.segment.area for answer in near])
    same, nested = same_object(overlaps, areas, np.int64(segment.area))
    alike = nested & nearly(np.float64(score), np.array([answer.score for answer in near]))
    standing = np.flatnonzero(same | alike)
    return near[standing[0]] if len(standing) else None


def _touch(one: Sequence[float], other: Sequence[float]) -> bool:
    return (
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    )  # XYXY
