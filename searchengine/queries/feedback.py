"""Feedback: segments that were judged right or wrong, and what the next search makes of them.

The words' vector and, at a weight, the mean of what was judged right. The weight is the one that
best ranks each segment judged right above those judged wrong when only the others are known
(leave one out). What was judged wrong alone hides what was judged, and moves nothing: it tells
what is not meant, never what is. Figures: `bench/feedback.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import SegmentRow
from model.embeddings import Embeddings, EmbeddingSpace, require_same_space
from searchengine.queries.example import MOST_ID, no_such_segment
from searchengine.queries.query import Query

Vectors = NDArray[np.float32]

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Weights that the mean of what was judged right may have; the words' vector counts 1."""
AGAINST = (0.0, 0.25)
"""Weights that the mean of what was judged wrong may have against a match."""
UNSURE = 0.5
"""Weight where too little was judged to choose one."""
DEEPER = 4
"""Matches among which so many times fewer diverse ones are chosen."""
LIKENESS = 0.5
"""Weight of a match's greatest cosine to those before it, against its score."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Segments that were judged.

    Attributes:
        rows: N segments that the index holds.
        vectors: N×D float32, theirs.
        likes: P×D float32, of all that were judged right.
        unlikes: M×D float32, of all that were judged wrong.
        lost: ids that no segment of the index has.
    """

    rows: tuple[SegmentRow, ...]
    vectors: Vectors
    likes: Vectors
    unlikes: Vectors
    lost: tuple[int, ...]

    @property
    def wants_diversity(self) -> bool:
        """Whether it is only known what is not meant."""
        return bool(len(self.unlikes)) and not len(self.likes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on what is not heeded, a line each."""
        return tuple(
            f"the judgement of segment {number} is not heeded: the index does not hold it"
            for number in self.lost
        )


def judged_segments(query: Query, catalog: CatalogReader) -> Judged | None:
    """The segments that a query tells to be judged; None where it tells of none.

    Raises:
        QueryError: there is nothing but judged segments to ask by, and none is in the index.
        SpaceMismatch: vectors of judged segments live in another space than the index's.
    """
    if not query.is_judged:
        return None
    space = catalog.manifest.space
    ids = [i for i in dict.fromkeys((*query.like, *query.unlike)) if abs(i) <= MOST_ID]
    found = catalog.segments(ids)
    held = [i for i in ids if i in found]
    vectors = catalog.vectors_of(np.array(held, np.int64)) if held else _none(space)
    place = {segment_id: row for row, segment_id in enumerate(held)}

    def of(chosen: tuple[int, ...], more: Embeddings | None) -> Vectors:
        if more is not None:
            require_same_space(space, more.space)
        own = vectors[[place[i] for i in dict.fromkeys(chosen) if i in place]]
        return own if more is None else np.concatenate([own, more.vectors])

    likes = of(query.like, query.liked)
    lost = tuple(dict.fromkeys(i for i in (*query.like, *query.unlike) if i not in place))
    if not len(likes) and not query.words.strip() and query.example is None:
        raise no_such_segment(lost[0])
    rows = tuple(found[i] for i in held)
    return Judged(rows, vectors, likes, of(query.unlike, query.unliked), lost)


def refine(vectors: Vectors, judged: Sequence[Judged | None]) -> None:
    """Let each question (row of Q×D float32, changed in place) go on from what was judged."""
    for number, each in enumerate(judged):
        if each is not None:
            vectors[number] = refined(vectors[number], each.likes, each.unlikes)


def refined(question: Vectors, likes: Vectors, unlikes: Vectors) -> Vectors:
    """The question as a vector (D float32) once some segments were judged.

    Args:
        question: D float32, the words and examples; zeros where there are none.
        likes: P×D float32 unit vectors of what was judged right.
        unlikes: M×D float32 unit vectors of what was judged wrong.
    """
    if not len(likes):
        return question
    if not question.any():
        return np.asarray(likes.mean(axis=0), np.float32)
    weight, against = chosen_weights(question, likes, unlikes)
    moved = question + weight * likes.mean(axis=0)
    if against:
        moved = moved - against * unlikes.mean(axis=0)
    return np.asarray(moved, np.float32)


def chosen_weights(question: Vectors, likes: Vectors, unlikes: Vectors) -> tuple[float, float]:
    """Weights of what was judged right and of what was judged wrong, chosen by leaving one out.

    Arguments as above; P is 1 or more. Equal ones are decided by their distance to `UNSURE`.
    """
    if len(likes) < 2 or not len(unlikes):
        return UNSURE, 0.0
    others = _means_without_each(likes)
    against = _means_without_each(unlikes)
    told: dict[tuple[float, float], float] = {}
    for weight, less in product(WEIGHTS, AGAINST):
        if less and len(unlikes) < 2:
            continue
        asked = question + weight * others  # P×D, each without the one that it judges
        right = np.einsum("pd,pd->p", asked, likes)[:, None] - less * likes @ against.T
        wrong = asked @ unlikes.T - less * np.einsum("md,md->m", against, unlikes)[None]
        told[weight, less] = float(((right > wrong) + 0.5 * (right == wrong)).mean())
    best = max(told.values())
    return min(
        (pair for pair, share in told.items() if share == best),
        key=lambda pair: (pair[1], abs(pair[0] - UNSURE), pair[0]),
    )


def diverse_order(scores: Vectors, vectors: Vectors, count: int, unlike: Vectors) -> list[int]:
    """Places of the best that differ from each other, and from what was judged wrong.

    Maximal marginal relevance: each next one has the highest score less `LIKENESS` times its
    greatest cosine to those chosen before.

    Args:
        scores: N float32.
        vectors: N×D float32 unit vectors.
        count: number of places at most.
        unlike: M×D float32 unit vectors of what was judged wrong.
    """
    nearest = (vectors @ unlike.T).max(axis=1, initial=-1.0)
    left = np.ones(len(scores), np.bool_)
    order: list[int] = []
    while left.any() and len(order) < count:
        value = np.where(left, scores - LIKENESS * nearest, -np.inf)
        best = int(value.argmax())
        order.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return order


def _means_without_each(vectors: Vectors) -> Vectors:
    """N×D: for each of the N vectors the mean of the others; zeros where there are none."""
    return np.asarray((vectors.sum(axis=0) - vectors) / max(len(vectors) - 1, 1), np.float32)


def _none(space: EmbeddingSpace) -> Vectors:
    return np.zeros((0, space.dimension), np.float32)
