"""Refer: of the photos that recall finds, the very segment that a referring expression means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.catalog.records import SegmentRow
from indexer.index import Index
from model.language.question import SENTENCE, understand
from model.referring.parse import parse
from model.referring.referrer import texts_of
from model.referring.scoring import STAGES, Scene, Scores, score
from model.referring.settings import ReferringSettings
from searchengine.matches.explanation import Explanation, Stage
from searchengine.photos.photo_looks import PhotoLooks
from searchengine.photos.segment_rows import as_segments
from searchengine.queries.query import Query
from searchengine.search.collapse import Scored
from searchengine.search.stage_times import timed

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]

PHOTOS = 32
"""Photos whose segments are compared at first."""
SHOWN = 5  # segments of a stage that are told


@dataclass(frozen=True, eq=False)
class Required:
    """Thing that the photos of some segments must show, and what shows it best in each.

    Attributes:
        question: D float32, the thing as recall's vector.
        vectors: N×D float32, of each segment's photo the segment that is nearest to it.
    """

    question: Vectors
    vectors: Vectors

    def of(self, places: Sequence[int] | NDArray[np.int64]) -> Required:
        """The same for some of the segments."""
        return replace(self, vectors=self.vectors[places])


@dataclass(frozen=True, eq=False)
class Resolved:
    """Segments of several photos by how well an expression is of them.

    Attributes:
        scored: N segments and their scores, best first; in the unit of recall's cosines.
        vectors: N×D float32.
        belief: N float32, the share of recall's confidence that the expression's other parts
            leave: 1 for the best.
        question: D float32, what recall's confidence is of.
        explanation: reading of the expression.
        required: things that each segment's photo must show.
    """

    scored: list[Scored]
    vectors: Vectors
    belief: Vectors
    question: Vectors
    explanation: Explanation
    required: tuple[Required, ...] = ()


def read(query: Query) -> Explanation | None:
    """Reading of a query as an expression that may be resolved; None where nobody asks for it.

    Its `reason` is empty where it is to be resolved.
    """
    if query.refer is False or not query.words.strip():
        return None
    expression = parse(query.words)
    if query.refer is None and len(query.words.split()) > SENTENCE:
        return Explanation(expression, f"more than {SENTENCE} words, and nobody asked for more")
    if query.refer is None and (query.neighbours or query.example is not None):
        return Explanation(expression, "neighbours or an example are asked for, too")
    if query.is_judged:
        return Explanation(expression, "segments were judged, too")
    if expression.bare:
        why = expression.notes[0] if expression.notes else "a bare phrase"
        told = expression.notes if query.refer or expression.phrase else ()
        return Explanation(expression, why, notes=told)
    return Explanation(expression, notes=expression.notes)


@timed("resolve")
def resolve(
    query: Query,
    question: Vectors,
    reading: Explanation,
    photo_ids: Sequence[int],
    index: Index,
    encode: Encode,
    looks: PhotoLooks | None = None,
) -> Resolved:
    """All segments of some photos that the query's conditions allow, by the expression.

    Args:
        query: query with its conditions.
        question: D float32, the query as recall's vector.
        reading: reading of its words.
        photo_ids: photos to compare, in recall's order.
        index: index with their segments.
        encode: T texts to T×D unit vectors.
        looks: looks at the first photos that take the vectors' place where nothing but the
            expression is asked; None: there are none.
    """
    expression, settings = reading.expression, ReferringSettings()
    phrases = texts_of(expression)[1:]
    encoded = encode([understand(phrase).words for phrase in phrases])
    asked = np.vstack([question[None], encoded])
    photos, vectors = segments_of_photos(photo_ids, index)
    texts = (expression.text, *phrases)
    cosines, unseen = vectors @ asked.T, list[str]()
    if looks is not None and not query.negatives:
        cosines, unseen = looks.replaced(cosines, photos, texts, expression, index.catalog)
    needed = tuple(dict.fromkeys(expression.required())) if expression.relations else ()
    best = {text: float(top) for text, top in zip(texts, cosines.max(axis=0), strict=True)}
    scores, start, notes = [], 0, [*reading.notes, *unseen]
    for rows in photos:
        own = cosines[start : start + len(rows)].T
        start += len(rows)
        found = score(_scene(rows), expression, dict(zip(texts, own, strict=True)), settings, best)
        scores.append(found.stages)
        notes += found.notes if len(photos) == 1 else ()
    stages = np.concatenate(scores)
    rows = [row for some in photos for row in some]
    places = np.flatnonzero(allowed(rows, query.where, index))
    total = stages[places].sum(axis=1)
    order = places[np.lexsort((np.array([rows[i].id for i in places]), -total))]
    said = stages[:, 1:].sum(axis=1)
    phrase = encoded[0] if len(encoded) else question
    asked_of = dict(zip(texts, asked, strict=True))
    nearest = [(asked_of[text], _nearest(cosines[:, texts.index(text)], photos)) for text in needed]
    return Resolved(
        [(rows[i], float(stages[i].sum()) / settings.sharpness) for i in order],
        vectors[order],
        np.exp(np.minimum(said[order] - said[order].max(initial=-np.inf), 0)).astype(np.float32),
        np.asarray((1 - settings.phrase) * question + settings.phrase * phrase, np.float32),
        replace(
            reading,
            photos=len(photos),
            segments=len(rows),
            stages=_told(stages[places], [rows[i].id for i in places]),
            notes=tuple(notes),
        ),
        tuple(Required(thing, vectors[near[order]]) for thing, near in nearest),
    )


def _nearest(
    cosines: NDArray[np.floating], photos: Sequence[Sequence[SegmentRow]]
) -> NDArray[np.int64]:
    """N int64: of each segment's photo the number of the segment with the highest cosine."""
    counts = [len(rows) for rows in photos]
    starts = np.cumsum([0, *counts])[:-1].tolist()
    best = [
        start + int(cosines[start : start + count].argmax())
        for start, count in zip(starts, counts, strict=True)
    ]
    return np.repeat(np.array(best, np.int64), counts)


def segments_of_photos(
    photo_ids: Sequence[int], index: Index
) -> tuple[list[list[SegmentRow]], Vectors]:
    """The segments of each photo that has some, and the vectors of all."""
    photos = [rows for i in photo_ids if (rows := index.catalog.segments_of(i))]
    ids = np.array([row.id for rows in photos for row in rows], np.int64)
    return photos, index.catalog.vectors_of(ids)


def _scene(rows: Sequence[SegmentRow]) -> Scene:
    return Scene.of(as_segments(rows, rows[0].frame))


def allowed(rows: Sequence[SegmentRow], where: Filter, index: Index) -> NDArray[np.bool_]:
    """N bool: which segments some conditions allow."""
    if where == Filter():
        return np.ones(len(rows), np.bool_)
    photos = tuple(photo for photo, _ in groupby(rows, lambda row: row.photo_id))
    if where.photo_ids is not None:
        photos = tuple(photo for photo in photos if photo in set(where.photo_ids))
    ids = index.catalog.segment_ids(replace(where, photo_ids=photos))
    return np.isin([row.id for row in rows], ids)


def _told(stages: NDArray[np.float32], ids: Sequence[int]) -> tuple[Stage, ...]:
    """The best segments after each stage that changes anything."""
    told = []
    for number, name in enumerate(STAGES):
        if number and not stages[:, number].any():
            continue
        so_far = stages[:, : number + 1].sum(axis=1)
        first = np.argsort(-so_far, kind="stable")[:SHOWN]
        told.append(Stage(name, tuple((ids[i], float(so_far[i])) for i in first)))
    return tuple(told)


def stages_of(scores: Scores) -> tuple[Stage, ...]:
    """Stages of one photo's segments, whose ids are their numbers from 1."""
    return _told(scores.stages, range(1, len(scores.stages) + 1))
