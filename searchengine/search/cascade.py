"""Cascade: from a question to matches, stage by stage.

Recall finds candidates, collapse lets what is alike count once, calibration turns scores into
probabilities. Each stage asks the one before it for as much as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog import CatalogReader
from indexer.index import Index
from indexer.vectors.store import Hits
from searchengine.search.collapse import Answer, Scored, collapse
from searchengine.search.match import Match
from searchengine.search.query import Query
from searchengine.search.recall import recall

Vector = NDArray[np.float32]
Judge = Callable[[Vector, NDArray[np.float32]], Vector]
"""(D question, N×D segments) → N confidences."""


def answers_to(
    query: Query, question: Vector, index: Index, judge: Judge | None, itself: int | None = None
) -> tuple[Match, ...]:
    """The matches of a query, best first.

    Args:
        query: what is asked.
        question: the query as one vector.
        index: where to look.
        judge: tells how sure a match is; None where nothing can.
        itself: id of the segment that is the question, which is no answer.
    """
    with index.catalog.snapshot():
        answers, vectors = _recall_enough(query, question, index, itself)
        photos = index.catalog.photos(
            {i for answer in answers for i in (answer.segment.photo_id, *answer.duplicates)}
        )
    confidences: list[float | None] = [None] * len(answers)
    if judge is not None and answers:
        # the order is that of the scores, which finds more than that of the confidences; what
        # comes after a doubtful match is no surer, and told so it is right more often
        confidences = np.minimum.accumulate(judge(question, vectors)).tolist()
    return tuple(
        Match(
            rank,
            answer.score,
            confidence,
            photos[answer.segment.photo_id],
            answer.segment,
            tuple(answer.merged),
            tuple(photos[i].path for i in answer.duplicates),
        )
        for rank, (answer, confidence) in enumerate(zip(answers, confidences, strict=True), 1)
    )


def _recall_enough(
    query: Query, question: Vector, index: Index, itself: int | None
) -> tuple[list[Answer], NDArray[np.float32]]:
    """Recall deeper until k answers are left after collapsing, or nothing more is there.

    Returns:
        The answers, and the vectors (N×D) that their scores belong to.
    """
    catalog = index.catalog
    vector_of = cache(catalog.photo_vector)

    def cosine(one: int, other: int) -> float:
        return float(vector_of(one) @ vector_of(other))

    portion = depth = query.k + query.k // 2 + 8
    while True:
        hits = recall(index, question, query, depth)
        portions = _portions(hits, catalog, portion, itself)
        if query.collapse:
            likeness = _nothing_alike if query.all_duplicates else cosine
            answers = collapse(portions, likeness, query.k, query.per_photo)
        else:
            scored = islice(chain.from_iterable(portions), query.k)
            answers = [Answer.of(row, score) for row, score in scored]
        if len(answers) == query.k or len(hits) < depth:
            place = {segment_id: row for row, segment_id in enumerate(hits.ids.tolist())}
            return answers, hits.vectors[[place[answer.scored] for answer in answers]]
        depth *= 4


def _nothing_alike(one: int, other: int) -> float:
    return 0.0


def _portions(
    hits: Hits, catalog: CatalogReader, at_once: int, itself: int | None
) -> Iterator[list[Scored]]:
    """The segments that were hit, those that are still there, and their scores, best first.

    They are read as they are taken, some at once: each row may lie elsewhere on the disk.
    """
    for start in range(0, len(hits), at_once):
        some = slice(start, start + at_once)
        ids, scores = hits.ids[some].tolist(), hits.scores[some].tolist()
        rows = catalog.segments(ids)
        pairs = zip(ids, scores, strict=True)
        yield [(rows[i], score) for i, score in pairs if i in rows and i != itself]
