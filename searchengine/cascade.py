"""Cascade: from a question to matches, stage by stage.

Recall finds candidates, collapse lets what is alike count once, calibration turns scores into
probabilities. Each stage asks the one before it for as much as it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from indexer.index import Index
from searchengine.collapse import Answer, collapse
from searchengine.match import Match
from searchengine.query import Query
from searchengine.recall import recall

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
        confidences = judge(question, vectors).tolist()
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

    depth = query.k + query.k // 2 + 8
    while True:
        hits = recall(index, question, query, depth)
        ids = hits.ids.tolist()
        rows = catalog.segments(ids)
        scored = [
            (rows[i], score)
            for i, score in zip(ids, hits.scores.tolist(), strict=True)
            if i in rows and i != itself
        ]
        if query.collapse:
            hashes = catalog.perceptual_hashes({row.photo_id for row, _ in scored})
            answers = collapse(scored, hashes, cosine, query.per_photo)
        else:
            answers = [Answer.of(row, score) for row, score in scored]
        if len(answers) >= query.k or len(hits) < depth:
            answers = answers[: query.k]
            place = {segment_id: row for row, segment_id in enumerate(ids)}
            return answers, hits.vectors[[place[answer.scored] for answer in answers]]
        depth *= 4
