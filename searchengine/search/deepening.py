"""Deepening: recall is asked for more until enough answers are left, or nothing more is there.

Collapse and conditions of pairs take answers away that recall had counted, so nobody knows
beforehand how deep to go. Each round goes four times as deep as the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import SegmentRow
from indexer.index import Index
from indexer.vectors.store import Hits
from model.errors import IndexDamaged
from searchengine.matches.explanation import Explanation
from searchengine.queries.query import Query
from searchengine.search.collapse import Answer, Scored, collapse
from searchengine.search.passed import PassedSegments
from searchengine.search.recall import recall
from searchengine.search.refer import Required, Resolved
from searchengine.search.stage_times import timed

Vector = NDArray[np.float32]
Likeness = Callable[[int, int], float]
"""(photo id, photo id) → cosine of the two as wholes."""
Compare = Callable[..., Resolved]
"""Photos, in recall's order, to their segments by what a query says beside recall's vector."""


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


def recall_enough(
    queries: Sequence[Query],
    vectors: NDArray[np.float32],
    index: Index,
    likeness: Likeness,
    exclude: Collection[int],
    hidden: Sequence[Sequence[Scored]],
) -> list[Recalled]:
    """The answers of each query by its vector alone: recall goes deeper until k are left.

    Args:
        queries: N questions.
        vectors: N×D float32, the queries as vectors.
        index: index to search, in one state.
        likeness: likeness of two photos, by which near-duplicates are believed.
        exclude: ids of segments to leave out.
        hidden: segments of each query, with scores, that are not shown, nor what they stand for.

    Returns:
        N: k answers each, or all that there are.

    Raises:
        IndexDamaged: a segment has a vector, and no row or no photo.
    """
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


def compare_enough(
    query: Query,
    question: Vector,
    compare: Compare,
    photos: int,
    index: Index,
    likeness: Likeness,
) -> Recalled:
    """The answers of a query whose photos are compared: ever more photos until k are left.

    Args:
        query: question.
        question: D float32, the query as a vector.
        compare: stage that orders the segments of photos.
        photos: number of photos that it compares at first.
        index: index to search, in one state.
        likeness: likeness of two photos, by which near-duplicates are believed.
    """
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


def likeness_of_photos(catalog: CatalogReader) -> Likeness:
    """Likeness of photos by their vectors, each read once, however many queries ask."""
    vector_of = cache(catalog.photo_vector)

    def cosine(one: int, other: int) -> float:
        return float(vector_of(one) @ vector_of(other))

    return cosine


def _portion(query: Query) -> int:
    """Segments that are read at once: mostly enough for k answers."""
    return query.k + query.k // 2 + 8


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
