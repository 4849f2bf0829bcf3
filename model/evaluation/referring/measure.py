"""Referring expressions measured: the right region among a photo's, and the best of own masks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import TruePhoto, bare_segments
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import in_photo_frame
from model.evaluation.referring.metrics import Overlaps, overlap, overlaps
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.expression import Expression
from model.referring.parse import parse
from model.referring.referrer import Referrer
from model.referring.scoring import Scene
from model.segmenter import Segmenter

RECALL, CASCADE, CHANCE, BEST = "recall alone", "cascade", "chance", "best mask there is"
METHODS = (RECALL, CASCADE, BEST)
LOOK, DRAW = "looking at its regions", "making its masks and looking at them"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Read = Callable[[str], Expression]


@dataclass(frozen=True, eq=False)
class ReferringAnswers:
    """Answers to Q expressions.

    Attributes:
        cases: the expressions.
        right: Q bool by method: whether the region that is meant was chosen among the photo's.
        chance: Q float64, probability of that for a random choice.
        own: overlaps of the chosen own masks by method; empty where none were asked for.
        seconds: Q float64 by method, from the words to the chosen region, the photo being looked at
            already; a cascade's have recall's in them.
        photo_seconds: P float64 by what was done with each photo, `LOOK` and `DRAW`.
    """

    cases: tuple[ReferringCase, ...]
    right: Mapping[str, Bools]
    chance: Floats
    own: Mapping[str, Overlaps]
    seconds: Mapping[str, Floats]
    photo_seconds: Mapping[str, Floats]


Resolvers = Callable[[], tuple[Referrer, Segmenter | None]]
"""Makes a referrer that resolves expressions, and a segmenter whose masks are chosen from, too."""


def answer(
    asked: ReferringSet, resolvers: Resolvers, looking: Looking, read: Read = parse
) -> ReferringAnswers:
    """Answers to all expressions of the photos that were looked at, each once.

    Args:
        asked: the expressions.
        resolvers: maker of what resolves them.
        looking: way in which the photos are looked at.
        read: reading of a text as an expression.
    """
    by_photo: dict[int, list[int]] = defaultdict(list)
    for number, case in enumerate(asked.cases):
        by_photo[case.photo].append(number)
    photos = [
        _Asked(asked.photos[place], numbers, [asked.cases[number] for number in numbers])
        for place, numbers in by_photo.items()
    ]
    told = looking.at(partial(_looker, resolvers, read), photos)
    answered = {
        number: (found.regions, choice, own)
        for photo, found in told
        for number, choice, own in zip(photo.numbers, found.choices, found.own, strict=True)
    }
    kept = sorted(answered)
    cases = tuple(asked.cases[number] for number in kept)
    choices = [answered[number][1] for number in kept]
    own = [answered[number][2] for number in kept]
    taken = {LOOK: [found.looking for _, found in told]}
    if has_own := any(found.drawing is not None for _, found in told):
        taken[DRAW] = [found.drawing or 0.0 for _, found in told]
    return ReferringAnswers(
        cases,
        {
            name: np.array([c.rows[name] for c in choices]) == [case.region for case in cases]
            for name in (RECALL, CASCADE)
        },
        np.array([1 / answered[number][0] for number in kept]),
        {name: overlaps([each[name] for each in own]) for name in METHODS} if has_own else {},
        {
            name: np.array([choice.seconds[name] for choice in choices])
            for name in (RECALL, CASCADE)
        },
        {what: np.array(seconds) for what, seconds in taken.items()},
    )


@dataclass(frozen=True)
class _Asked:
    """A photo and the expressions about it, with their numbers among all."""

    photo: TruePhoto
    numbers: Sequence[int]
    cases: Sequence[ReferringCase]

    @property
    def path(self) -> Path:
        return self.photo.path


@dataclass(frozen=True)
class _Answered:
    """Choices for all expressions of a photo.

    Attributes:
        regions: number of its regions.
        choices: choice among them for each expression.
        own: overlap of the chosen own masks by method for each; empty where there is no segmenter.
        looking, drawing: seconds of both; None where there is no segmenter.
    """

    regions: int
    choices: Sequence[_Choice]
    own: Sequence[Mapping[str, tuple[float, float]]]
    looking: float
    drawing: float | None


def _looker(resolvers: Resolvers, read: Read) -> Callable[[_Asked], _Answered]:
    referrer, segmenter = resolvers()

    def look(asked: _Asked) -> _Answered:
        photo, texts = asked.photo, [case.text for case in asked.cases]
        image = photo.read()
        truth = bare_segments(photo.size, [region.counts for region in photo.regions])
        looked = _look(referrer, image, truth, texts, read)
        if segmenter is None:
            nothing: list[dict[str, tuple[float, float]]] = [{} for _ in texts]
            return _Answered(len(truth), looked.choices, nothing, looked.seconds, None)
        start = time.perf_counter()
        segments = segmenter.segment(image)
        drawing = time.perf_counter() - start
        counts = in_photo_frame(segments, photo.size)
        found = _look(referrer, image, segments, texts, read) if len(segments) else None
        drawing += found.seconds if found else 0.0
        own = []
        for at, case in enumerate(asked.cases):
            meant = photo.regions[case.region].counts
            rows: dict[str, int | None] = dict.fromkeys(METHODS)
            if found:
                best = int(rle.iou(counts, [meant], photo.size)[:, 0].argmax())
                rows = {**found.choices[at].rows, BEST: best}
            own.append(
                {
                    name: overlap(None if row is None else counts[row], meant, photo.size)
                    for name, row in rows.items()
                }
            )
        return _Answered(len(truth), looked.choices, own, looked.seconds, drawing)

    return look


@dataclass(frozen=True)
class _Choice:
    """What each method chooses for one expression, and how long it takes."""

    rows: dict[str, int]
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Looked:
    """Choices for all expressions of a photo, and the seconds of looking at its segments."""

    choices: list[_Choice]
    seconds: float


def _look(
    referrer: Referrer, image: Image, segments: Segments, texts: Sequence[str], read: Read
) -> _Looked:
    start = time.perf_counter()
    views, scene = referrer.look(image, segments), Scene.of(segments)
    looking = time.perf_counter() - start
    choices = []
    for text in texts:
        start = time.perf_counter()
        recall = int(views.recall(text).argmax())
        recalled = time.perf_counter() - start
        cascade = int(referrer.scores_of(views, scene, read(text)).best()[0])
        resolved = time.perf_counter() - start
        choices.append(
            _Choice({RECALL: recall, CASCADE: cascade}, {RECALL: recalled, CASCADE: resolved})
        )
    return _Looked(choices, looking)
