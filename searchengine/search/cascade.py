"""Cascade: from questions to matches, stage by stage.

Recall finds candidates, collapse lets what is alike count once, calibration turns scores into
probabilities. Each stage asks the one before it for as much as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog import CatalogReader
from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.records import PhotoRow, SegmentRow
from indexer.index import Index
from indexer.vectors.store import Hits
from model.errors import IndexDamaged
from searchengine.search.collapse import Answer, Scored, collapse
from searchengine.search.match import Match
from searchengine.search.query import Query
from searchengine.search.recall import recall

Vector = NDArray[np.float32]
Judge = Callable[[NDArray[np.float32], Sequence[NDArray[np.float32]]], list[Vector]]
"""(Q×D questions, N×D segments of each) → N confidences of each."""
Recalled = tuple[list[Answer], NDArray[np.float32]]
"""Answers, and the vectors (N×D) that their scores belong to."""


def answers_to(
    queries: Sequence[Query],
    vectors: NDArray[np.float32],
    index: Index,
    judge: Judge | None,
    exclude_id: int | None = None,
) -> list[tuple[Match, ...]]:
    """The matches of each query, best first; all are answered from one state of the index.

    Args:
        queries: N questions.
        vectors: N×D float32, the queries as vectors.
        index: index to search.
        judge: rule for the confidence of matches of words; None where there is none.
        exclude_id: segment id to leave out of the results (the example itself).
    """
    with index.catalog.snapshot():
        recalled = _recall_enough(queries, vectors, index, exclude_id)
        photos = index.catalog.photos(
            {
                i
                for answers, _ in recalled
                for answer in answers
                for i in (answer.segment.photo_id, *answer.duplicates)
            }
        )
    judged: list[Sequence[float | None]] = [[None] * len(answers) for answers, _ in recalled]
    if judge is not None:
        # an example has no confidence: nothing tells what should be absent
        asked = [i for i, query in enumerate(queries) if query.words.strip()]
        for i, each in zip(
            asked, judge(vectors[asked], [recalled[i][1] for i in asked]), strict=True
        ):
            # the order is that of the scores, which finds more than that of the confidences; what
            # comes after a doubtful match is no surer, and told so it is right more often
            judged[i] = np.minimum.accumulate(each).tolist()
    matches = []
    for query, (answers, _), confidences in zip(queries, recalled, judged, strict=True):
        shown = PathPattern(query.where.path_glob) if query.where.path_glob else None
        matches.append(
            tuple(
                Match(
                    rank,
                    answer.score,
                    confidence,
                    _shown(photos[answer.segment.photo_id], shown),
                    answer.segment,
                    tuple(answer.merged),
                    tuple(photos[i].path for i in answer.duplicates),
                )
                for rank, (answer, confidence) in enumerate(
                    zip(answers, confidences, strict=True), 1
                )
            )
        )
    return matches


def _shown(photo: PhotoRow, pattern: PathPattern | None) -> PhotoRow:
    """The photo, of whose files one is shown that the conditions allow."""
    return photo if pattern is None else photo.shown_at(pattern)


def _recall_enough(
    queries: Sequence[Query],
    vectors: NDArray[np.float32],
    index: Index,
    exclude_id: int | None,
) -> list[Recalled]:
    """Recall deeper until k answers are left after collapsing, or nothing more is there."""
    catalog = index.catalog
    vector_of = cache(catalog.photo_vector)

    def cosine(one: int, other: int) -> float:
        return float(vector_of(one) @ vector_of(other))

    recalled: dict[int, Recalled] = {}
    portions = [query.k + query.k // 2 + 8 for query in queries]
    left, deeper = list(range(len(queries))), 1
    while left:
        some, depths = [queries[i] for i in left], [deeper * portions[i] for i in left]
        hits_of = dict(zip(left, recall(index, vectors[left], some, depths), strict=True))
        first = (hits.ids[: portions[i]].tolist() for i, hits in hits_of.items())
        rows = _rows(catalog, list(chain.from_iterable(first)))
        for i, hits in hits_of.items():
            query = queries[i]
            scored = _portions(hits, catalog, rows, portions[i], exclude_id)
            if query.collapse:
                likeness = _nothing_alike if query.all_duplicates else cosine
                answers = collapse(scored, likeness, query.k, query.per_photo)
            else:
                pairs = islice(chain.from_iterable(scored), query.k)
                answers = [Answer.of(row, score) for row, score in pairs]
            if len(answers) == query.k or len(hits) < deeper * portions[i]:
                place = {segment_id: row for row, segment_id in enumerate(hits.ids.tolist())}
                kept = [place[answer.scored] for answer in answers]
                recalled[i] = answers, hits.vectors[kept]
        left, deeper = [i for i in left if i not in recalled], 4 * deeper
    return [recalled[i] for i in range(len(queries))]


def _nothing_alike(one: int, other: int) -> float:
    return 0.0


def _portions(
    hits: Hits,
    catalog: CatalogReader,
    known: Mapping[int, SegmentRow],
    at_once: int,
    exclude_id: int | None,
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
        yield [(rows[i], score) for i, score in pairs if i != exclude_id]


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
