"""Cascade: from questions to matches, stage by stage.

Recall finds candidates; referring expressions are resolved among the segments of their photos, and
sentences rank these photos. Collapse lets what is alike count once, calibration turns scores into
probabilities. Each stage asks the one before it for as much as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.records import PhotoRow
from indexer.index import Index
from searchengine.matches.explanation import Explanation
from searchengine.matches.match import Match
from searchengine.photos.photo_looks import PhotoLooks
from searchengine.queries.feedback import DEEPER, Judged, diverse_order
from searchengine.queries.query import MOST, Query
from searchengine.search.collapse import Scored
from searchengine.search.deepening import (
    Compare,
    Recalled,
    compare_enough,
    likeness_of_photos,
    recall_enough,
)
from searchengine.search.refer import PHOTOS, Encode, resolve
from searchengine.search.sentence import PHOTOS as PHOTOS_OF_SENTENCE
from searchengine.search.sentence import named_by, rank_photos
from searchengine.search.stage_times import timed

Vector = NDArray[np.float32]
Judge = Callable[[NDArray[np.float32], Sequence[NDArray[np.float32]]], list[Vector]]
"""(Q×D questions, N×D segments of each) → N confidences of each."""


@dataclass(frozen=True, eq=False)
class Found:
    """The matches of a query, best first, and the reading of its words.

    Attributes:
        items: the matches.
        explanation: reading of the words as a referring expression.
        passed: ids, int64 ascending, of the segments that need not follow these matches.
    """

    items: tuple[Match, ...]
    explanation: Explanation | None
    passed: NDArray[np.int64]


def answers_to(
    queries: Sequence[Query],
    vectors: NDArray[np.float32],
    index: Index,
    judge: Judge | None,
    exclude: Collection[int] = (),
    readings: Sequence[Explanation | None] = (),
    encode: Encode | None = None,
    looks: PhotoLooks | None = None,
    judged: Sequence[Judged | None] = (),
) -> list[Found]:
    """The matches of each query, best first; all are answered from one state of the index.

    Args:
        queries: N questions.
        vectors: N×D float32, the queries as vectors.
        index: index to search.
        judge: rule for the confidence of matches of words; None where there is none.
        exclude: ids of segments to leave out of the results (the examples themselves).
        readings: readings of the queries' words as referring expressions; by default none.
        encode: T texts to T×D unit vectors; needed where an expression is resolved.
        looks: looks at photos by which expressions are resolved beside the vectors, if any.
        judged: segments that the queries tell to be judged; by default none.
    """
    read = dict(enumerate(readings))
    told = dict(enumerate(judged)) if judged else dict[int, Judged | None]()
    stages: dict[int, tuple[Compare, int]] = {}
    for i, reading in read.items():
        if reading is not None and not reading.reason:
            stages[i] = partial(resolve, queries[i], vectors[i], reading, looks=looks), PHOTOS
        elif reading is not None and (named := named_by(queries[i])):
            reading = replace(reading, phrases=named)
            stages[i] = partial(rank_photos, queries[i], vectors[i], reading), PHOTOS_OF_SENTENCE
    plain = [i for i in range(len(queries)) if i not in stages]
    likeness = likeness_of_photos(index.catalog)
    with index.catalog.snapshot():
        some = [_deeper(queries[i], told.get(i)) for i in plain]
        hidden = [_hidden(queries[i], told.get(i), vectors[i]) for i in plain]
        enough = recall_enough(some, vectors[plain], index, likeness, exclude, hidden)
        enough = [
            _diverse(each, queries[i], told.get(i)) for i, each in zip(plain, enough, strict=True)
        ]
        recalled = dict(zip(plain, enough, strict=True))
        for i, (stage, count) in stages.items():
            assert encode is not None
            compare = partial(stage, index=index, encode=encode)
            recalled[i] = compare_enough(queries[i], vectors[i], compare, count, index, likeness)
        photos = index.catalog.photos(
            {
                i
                for each in recalled.values()
                for answer in each.answers
                for i in (answer.segment.photo_id, *answer.duplicates)
            }
        )
    sure = _confidences(queries, recalled, judge)
    found = []
    for number, query in enumerate(queries):
        each, confidences = recalled[number], sure[number]
        shown = PathPattern(query.where.path_glob) if query.where.path_glob else None
        items = tuple(
            Match(
                rank,
                answer.score,
                confidence,
                _shown(photos[answer.segment.photo_id], shown),
                answer.segment,
                tuple(answer.merged),
                tuple(photos[i].path for i in answer.duplicates),
                duplicate_ids=tuple(answer.duplicates),
            )
            for rank, (answer, confidence) in enumerate(
                zip(each.answers, confidences, strict=True), 1
            )
        )
        passed = np.union1d(each.passed, list(exclude)).astype(np.int64)
        found.append(Found(items, each.explanation or read.get(number), passed))
    return found


@timed("calibrate")
def _confidences(
    queries: Sequence[Query], recalled: Mapping[int, Recalled], judge: Judge | None
) -> list[Sequence[float | None]]:
    """Confidences of each query's answers; None of an example's, and where there is no judge."""
    judged: list[Sequence[float | None]] = [
        [None] * len(recalled[i].answers) for i in range(len(queries))
    ]
    # an example has no confidence: nothing tells what should be absent
    asked = [i for i, query in enumerate(queries) if query.words.strip()]
    if judge is None or not asked:
        return judged
    asked_for = np.stack([recalled[i].question for i in asked])
    for i, own in zip(asked, judge(asked_for, [recalled[i].vectors for i in asked]), strict=True):
        belief, required = recalled[i].belief, recalled[i].required
        if belief is not None:
            own = own * belief
        # a horse without anyone is no person on a horse, however alike the two read
        for each in required:
            own = np.minimum(own, *judge(each.question[None], [each.vectors]))
        # the order is that of the scores, which finds more than that of the confidences; what
        # comes after a doubtful match is no surer, and told so it is right more often
        judged[i] = np.minimum.accumulate(own).tolist()
    return judged


def _shown(photo: PhotoRow, pattern: PathPattern | None) -> PhotoRow:
    """The photo, of whose files one is shown that the conditions allow."""
    return photo if pattern is None else photo.shown_at(pattern)


def _deeper(query: Query, judged: Judged | None) -> Query:
    """The query, asking for as many matches as diverse ones are chosen among."""
    if judged is None or not judged.wants_diversity:
        return query
    return replace(query, k=min(DEEPER * query.k, MOST))


def _hidden(query: Query, judged: Judged | None, question: Vector) -> list[Scored]:
    """The segments that were judged, and their scores, where they are not to be shown again."""
    if judged is None or query.show_judged:
        return []
    return list(zip(judged.rows, (judged.vectors @ question).tolist(), strict=True))


def _diverse(recalled: Recalled, query: Query, judged: Judged | None) -> Recalled:
    """Answers that differ from each other, where it is only known what is not meant."""
    if judged is None or not judged.wants_diversity:
        return recalled
    scores = np.array([answer.score for answer in recalled.answers], np.float32)
    order = diverse_order(scores, recalled.vectors, query.k, judged.unlikes)
    answers = [recalled.answers[i] for i in order]
    # the others follow in the order of their scores
    shown = {i for answer in answers for i in (answer.segment.id, answer.scored, *answer.merged)}
    others = {answer.scored for answer in recalled.answers} - shown
    passed = np.setdiff1d(recalled.passed, list(others))
    return replace(recalled, answers=answers, vectors=recalled.vectors[order], passed=passed)
