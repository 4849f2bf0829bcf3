"""Referring expressions measured: the right region among a photo's, and the best of own masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import bare_segments
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.masks.mask_recall import Progress, in_photo_frame
from model.evaluation.referring.metrics import THRESHOLDS, Overlaps, overlap, overlaps
from model.evaluation.tables import Row, Table
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.expression import Expression
from model.referring.parse import parse
from model.referring.referrer import Referrer
from model.referring.scoring import Scene
from model.segmenter import Segmenter

RECALL, CASCADE, CHANCE, BEST = "recall alone", "cascade", "chance", "best mask there is"

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReferringAnswers:
    """Answers to Q expressions.

    Attributes:
        cases: the expressions.
        right: Q bool by method: whether the region that is meant was chosen among the photo's.
        chance: Q float64, probability of that for a random choice.
        own: overlaps of the chosen own masks by method; empty where none were asked for.
    """

    cases: tuple[ReferringCase, ...]
    right: Mapping[str, Bools]
    chance: NDArray[np.float64]
    own: Mapping[str, Overlaps]


def answer(
    asked: ReferringSet,
    referrer: Referrer,
    segmenter: Segmenter | None,
    progress: Progress,
    read: Callable[[str], Expression] = parse,
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
    chance = np.zeros(count)
    pairs: dict[str, list[tuple[float, float]]] = {
        name: [(0.0, 0.0)] * count for name in (RECALL, CASCADE, BEST)
    }
    for done, (place, numbers) in enumerate(by_photo.items()):
        progress(done, len(by_photo))
        photo = asked.photos[place]
        image = photo.read()
        expressions = [read(asked.cases[number].text) for number in numbers]
        truth = bare_segments(photo.size, [region.counts for region in photo.regions])
        for number, chosen in zip(
            numbers, _chosen(referrer, image, truth, expressions), strict=True
        ):
            chance[number] = 1 / len(truth)
            for name, row in chosen.items():
                right[name][number] = row == asked.cases[number].region
        if segmenter is None:
            continue
        segments = segmenter.segment(image)
        counts = in_photo_frame(segments, photo.size)
        found = _chosen(referrer, image, segments, expressions) if len(segments) else []
        for at, number in enumerate(numbers):
            meant = photo.regions[asked.cases[number].region].counts
            rows: dict[str, int | None] = {RECALL: None, CASCADE: None, BEST: None}
            if found:
                best = int(rle.iou(counts, [meant], photo.size)[:, 0].argmax())
                rows = {**found[at], BEST: best}
            for name, chosen_row in rows.items():
                mask = None if chosen_row is None else counts[chosen_row]
                pairs[name][number] = overlap(mask, meant, photo.size)
    progress(len(by_photo), len(by_photo))
    own = {} if segmenter is None else {name: overlaps(each) for name, each in pairs.items()}
    return ReferringAnswers(asked.cases, right, chance, own)


def _chosen(
    referrer: Referrer, image: Image, segments: Segments, expressions: Sequence[Expression]
) -> list[dict[str, int]]:
    """Numbers of the segments that each method chooses for each expression."""
    views, scene = referrer.look(image, segments), Scene.of(segments)
    rows = []
    for expression in expressions:
        recall = views.recall(expression.text)
        cascade = referrer.scores_of(views, scene, expression).best()[0]
        rows.append({RECALL: int(recall.argmax()), CASCADE: int(cascade)})
    return rows


def referring_tables(answers: ReferringAnswers) -> tuple[Table, ...]:
    """Tables of the answers: all, by who said it, and by what sets the region apart."""
    groups = _groups(answers.cases)
    columns = (RECALL, CASCADE, CHANCE)
    rows = [
        Row(
            name,
            int(inside.sum()),
            (
                *(float(answers.right[method][inside].mean()) for method in (RECALL, CASCADE)),
                float(answers.chance[inside].mean()),
            ),
        )
        for name, inside in groups
    ]
    title = "expression → region, true masks given, all of the photo's"
    tables = [Table(title, "expressions", columns, tuple(rows))]
    if answers.own:
        tables.append(_own_table(answers, [group for group in groups if ":" not in group[0]]))
    return tuple(tables)


def _own_table(answers: ReferringAnswers, groups: Sequence[tuple[str, Bools]]) -> Table:
    measures: list[tuple[str, Callable[[Overlaps], float]]] = [
        ("oIoU", Overlaps.overall_iou),
        ("mIoU", Overlaps.mean_iou),
        *((f"Pr@{t}", lambda o, t=t: o.precision(t)) for t in THRESHOLDS),
    ]
    rows = [
        Row(
            f"{name}: {measure}",
            int(inside.sum()),
            tuple(of(answers.own[method][inside]) for method in (RECALL, CASCADE, BEST)),
        )
        for name, inside in groups
        for measure, of in measures
    ]
    return Table("expression → own mask", "expressions", (RECALL, CASCADE, BEST), tuple(rows))


def _groups(cases: Sequence[ReferringCase]) -> list[tuple[str, Bools]]:
    """Names of groups, and Q bool each: all, each style, and the kinds within each."""
    styles, kinds = np.array([c.style for c in cases]), np.array([c.kind for c in cases])
    groups = [("all", np.ones(len(cases), np.bool_))]
    for style in dict.fromkeys(styles.tolist()):
        own = styles == style
        if not own.all():
            groups.append((str(style), own))
        groups += [
            (f"{style}: {kind}", own & (kinds == kind))
            for kind in dict.fromkeys(kinds[own].tolist())
            if kind
        ]
    return groups
