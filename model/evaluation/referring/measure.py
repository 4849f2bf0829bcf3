"""Referring expressions measured: the right region among a photo's, and the best of own masks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import bare_segments
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.masks.mask_recall import Progress, in_photo_frame
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


def answer(
    asked: ReferringSet,
    referrer: Referrer,
    segmenter: Segmenter | None,
    progress: Progress,
    read: Read = parse,
) -> ReferringAnswers:
    """Answers to all expressions; every photo is looked at once.

    Args:
        asked: the expressions.
        referrer: referrer that resolves them.
        segmenter: segmenter whose masks are chosen from, too; None: only the true regions.
        progress: told how many photos are done, and of how many.
        read: reading of a text as an expression.
    """
    by_photo: dict[int, list[int]] = defaultdict(list)
    for number, case in enumerate(asked.cases):
        by_photo[case.photo].append(number)
    count = len(asked.cases)
    right = {name: np.zeros(count, np.bool_) for name in (RECALL, CASCADE)}
    seconds = {name: np.zeros(count) for name in (RECALL, CASCADE)}
    chance = np.zeros(count)
    pairs: dict[str, list[tuple[float, float]]] = {
        name: [(0.0, 0.0)] * count for name in (RECALL, CASCADE, BEST)
    }
    taken: dict[str, list[float]] = {LOOK: [], DRAW: []}
    for done, (place, numbers) in enumerate(by_photo.items()):
        progress(done, len(by_photo))
        photo = asked.photos[place]
        image = photo.read()
        texts = [asked.cases[number].text for number in numbers]
        truth = bare_segments(photo.size, [region.counts for region in photo.regions])
        looked = _look(referrer, image, truth, texts, read)
        taken[LOOK].append(looked.seconds)
        for number, choice in zip(numbers, looked.choices, strict=True):
            chance[number] = 1 / len(truth)
            for name, row in choice.rows.items():
                right[name][number] = row == asked.cases[number].region
                seconds[name][number] = choice.seconds[name]
        if segmenter is None:
            continue
        start = time.perf_counter()
        segments = segmenter.segment(image)
        drawing = time.perf_counter() - start
        counts = in_photo_frame(segments, photo.size)
        found = _look(referrer, image, segments, texts, read) if len(segments) else None
        taken[DRAW].append(drawing + (found.seconds if found else 0.0))
        for at, number in enumerate(numbers):
            meant = photo.regions[asked.cases[number].region].counts
            rows: dict[str, int | None] = {RECALL: None, CASCADE: None, BEST: None}
            if found:
                best = int(rle.iou(counts, [meant], photo.size)[:, 0].argmax())
                rows = {**found.choices[at].rows, BEST: best}
            for name, chosen_row in rows.items():
                mask = None if chosen_row is None else counts[chosen_row]
                pairs[name][number] = overlap(mask, meant, photo.size)
    progress(len(by_photo), len(by_photo))
    own = {} if segmenter is None else {name: overlaps(each) for name, each in pairs.items()}
    by_what = {what: np.array(each) for what, each in taken.items() if each}
    return ReferringAnswers(asked.cases, right, chance, own, seconds, by_what)


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
