"""Cascade: from questions to matches, stage by stage.

Recall finds candidates; referring expressions are resolved among the segments of their photos, and
sentences rank these photos. Collapse lets what is alike count once, calibration turns scores into
probabilities. Each stage asks the one before it for as much as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog import CatalogReader
from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.records import PhotoRow, SegmentRow
from indexer.index import Index
from indexer.vectors.store import Hits
from model.errors import IndexDamaged
from searchengine.matches.explanation import Explanation
from searchengine.matches.match import Match
from searchengine.photos.photo_looks import PhotoLooks
from searchengine.queries.feedback import DEEPER, Judged, diverse_order
from searchengine.queries.query import MOST, Query
from searchengine.search.collapse import Answer, Scored, collapse
from searchengine.search.passed import PassedSegments
from searchengine.search.recall import recall
from searchengine.search.refer import PHOTOS, Encode, Required, Resolved, resolve
from searchengine.search.sentence import PHOTOS as PHOTOS_OF_SENTENCE
from searchengine.search.sentence import named_by, rank_photos
from searchengine.search.stage_times import timed

Vector = NDArray[np.float32]
Likeness = Callable[[int, int], float]
"""(photo id, photo id) → cosine of the two as wholes."""
Compare = Callable[..., Resolved]
"""Photos, in recall's order, to their segments by what a query says beside recall's vector."""
Judge = Callable[[NDArray[np.float32], Sequence[NDArray[np.float32]]], list[Vector]]
"""(Q×D questions, N×D segments of each) → N confidences of each."""


@dataclass(frozen=True, eq=False)
class Recalled:
    """What answers a query.

    Attributes:
        answers: N answers, best first.
        vectors: N×D float32, the vectors that their scores belong to.
        question: D float32, what they are calibrated against.
        passed: ids, int64 ascending, of the segments that need not follow these answers.
        belief: N float32, shares of that confidence that the query's other parts leave.
        explanation: reading of the words as a referring expression.
        required: things that each answer's photo must show.
    """

    answers: list[Answer]
    vectors: Vector
    question: Vector
    passed: NDArray[np.int64]
    belief: Vector | None = None
    explanation: Explanation | None = None
    required: tuple[Required, ...] = ()


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
    likeness = _likeness(index.catalog)
    with index.catalog.snapshot():
        some = [_deeper(queries[i], told.get(i)) for i in plain]
        hidden = [_hidden(queries[i], told.get(i), vectors[i]) for i in plain]
        enough = _recall_enough(some, vectors[plain], index, likeness, exclude, hidden)
        enough = [
            _diverse(each, queries[i], told.get(i)) for i, each in zip(plain, enough, strict=True)
        ]
        recalled = dict(zip(plain, enough, strict=True))
        for i, (stage, count) in stages.items():
            assert encode is not None
            compare = partial(stage, index=index, encode=encode)
            recalled[i] = _compare_enough(queries[i], vectors[i], compare, count, index, likeness)
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


def _recall_enough(
    queries: Sequence[Query],
    vectors: NDArray[np.float32],
    index: Index,
    likeness: Likeness,
    exclude: Collection[int],
    hidden: Sequence[Sequence[Scored]],
) -> list[Recalled]:
    """Recall deeper until k answers are left after collapsing, or nothing more is there."""
    catalog = index.catalog
    recalled: dict[int, Recalled] = {}
    portions = [_portion(query) + len(seen) for query, seen in zip(queries, hidden, strict=True)]
    left, deeper = list(range(len(queries))), 1
    while left:
        some, depths = [queries[i] for i in left], [deeper * portions[i] for i in left]
        hits_of = dict(zip(left, recall(index, vectors[left], some, depths), strict=True))
        first = (hits.ids[: portions[i]].tolist() for i, hits in hits_of.items())
        rows = _rows(catalog, list(chain.from_iterable(first)))
        for i, hits in hits_of.items():
            query = queries[i]
            passed = PassedSegments()
            left_out = {*exclude, *(row.id for row, _ in hidden[i])}
            scored = _portions(hits, catalog, rows, portions[i], left_out)
            answers = _collapsed(passed.noting(scored), query, likeness, hidden[i])
            if len(answers) == query.k or len(hits) < deeper * portions[i]:
                place = {segment_id: row for row, segment_id in enumerate(hits.ids.tolist())}
                kept = [place[answer.scored] for answer in answers]
                by = np.union1d(passed.by(answers, query.k), [row.id for row, _ in hidden[i]])
                recalled[i] = Recalled(answers, hits.vectors[kept], vectors[i], by.astype(np.int64))
        left, deeper = [i for i in left if i not in recalled], 4 * deeper
    return [recalled[i] for i in range(len(queries))]


def _compare_enough(
    query: Query,
    question: Vector,
    compare: Compare,
    photos: int,
    index: Index,
    likeness: Likeness,
) -> Recalled:
    """Compare the segments of so many photos, and of ever more until k answers are left or there
    are no more."""
    deeper, before = 1, 0
    while True:
        depth = 4 * deeper * max(photos, query.k)
        (hits,) = recall(index, question[None], [query], [depth])
        rows = index.catalog.segments(hits.ids.tolist())
        near = dict.fromkeys(rows[i].photo_id for i in hits.ids.tolist() if i in rows)
        photo_ids = list(near)[: deeper * max(photos, query.k)]
        if not photo_ids:
            nothing = np.zeros((0, len(question)), np.float32)
            return Recalled([], nothing, question, np.zeros(0, np.int64))
        found = compare(photo_ids)
        portion = _portion(query)
        starts = range(0, len(found.scored), portion)
        portions = (found.scored[start : start + portion] for start in starts)
        passed = PassedSegments()
        answers = _collapsed(passed.noting(portions), query, likeness)
        if len(answers) == query.k or len(hits) < depth or len(photo_ids) == before:
            break
        deeper, before = 4 * deeper, len(photo_ids)
    place = {row.id: number for number, (row, _) in enumerate(found.scored)}
    kept = [place[answer.scored] for answer in answers]
    return Recalled(
        answers,
        found.vectors[kept],
        found.question,
        passed.by(answers, query.k),
        found.belief[kept],
        found.explanation,
        tuple(each.of(kept) for each in found.required),
    )


def _portion(query: Query) -> int:
    """Segments that are read at once: mostly enough for k answers."""
    return query.k + query.k // 2 + 8


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


@timed("collapse")
def _collapsed(
    scored: Iterable[Sequence[Scored]],
    query: Query,
    likeness: Likeness,
    hidden: Sequence[Scored] = (),
) -> list[Answer]:
    """The first k answers, of segments and scores best first, that no hidden one stands for."""
    if not query.collapse:
        pairs = islice(chain.from_iterable(scored), query.k)
        return [Answer.of(row, score) for row, score in pairs]
    alike = _nothing_alike if query.all_duplicates else likeness
    return collapse(scored, alike, query.k, query.per_photo, hidden)


def _likeness(catalog: CatalogReader) -> Likeness:
    """Cosine of two photos; each photo's vector is read once, however many queries ask."""
    vector_of = cache(catalog.photo_vector)

    def cosine(one: int, other: int) -> float:
        return float(vector_of(one) @ vector_of(other))

    return cosine


def _nothing_alike(one: int, other: int) -> float:
    return 0.0


def _portions(
    hits: Hits,
    catalog: CatalogReader,
    known: Mapping[int, SegmentRow],
    at_once: int,
    left_out: Collection[int],
) -> Iterator[list[Scored]]:
    """The segments that were hit and their scores, best first.

    Rows that are not known are read as they are taken, some at once: each may lie elsewhere on
    the disk.
    """
    for start in range(0, len(hits), at_once):
        some = slice(start, start + at_once)
        ids, scores = hits.ids[some].tolist(), hits.scores[some].tolist()
        rows = known if start == 0 else _rows(catalog, ids)
        pairs = zip(ids, scores, strict=True)
        yield [(rows[i], score) for i, score in pairs if i not in left_out]


def _rows(catalog: CatalogReader, ids: Sequence[int]) -> dict[int, SegmentRow]:
    """The rows of segments that were hit, in the state that the vectors are of.

    Raises:
        IndexDamaged: a segment has a vector, and no row or no photo.
    """
    rows = catalog.segments(ids)
    for segment_id in ids:
        if segment_id not in rows:
            raise IndexDamaged(
                f"segment {segment_id} of the index is lost but for its vector",
                "segsearch doctor --fix drops its photo, then index its folder again",
            )
    return rows
