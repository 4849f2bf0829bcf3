"""Sentence: of the photos that recall finds, those that a sentence and all that it names fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.index import Index
from model.language.question import understand
from model.language.sentence import phrases_of, sentence_scores
from searchengine.matches.explanation import Explanation
from searchengine.photos.segment_rows import is_whole
from searchengine.queries.query import Query
from searchengine.search.refer import Encode, Resolved, allowed, segments_of_photos
from searchengine.search.stage_times import timed

PHOTOS = 64
"""Photos that are compared at first."""


def named_by(query: Query) -> tuple[str, ...]:
    """Things that a query names, where it is a sentence that is to find its photos; else none."""
    alone = not (query.example or query.neighbours or query.refer or query.is_judged)
    return phrases_of(query.words) if alone else ()


@timed("resolve")
def rank_photos(
    query: Query,
    question: NDArray[np.float32],
    reading: Explanation,
    photo_ids: Sequence[int],
    index: Index,
    encode: Encode,
) -> Resolved:
    """Photos by the sentence and all that it names; each answers by the segment that the sentence
    fits best, of those that the query's conditions allow.

    Args:
        query: query with its conditions, a sentence.
        question: D float32, the query as recall's vector.
        reading: reading of its words, with the phrases that it names.
        photo_ids: photos to compare, in recall's order.
        index: index with their segments.
        encode: T texts to T×D unit vectors.
    """
    photos, vectors = segments_of_photos(photo_ids, index)
    rows = [row for some in photos for row in some]
    starts = np.cumsum([0, *map(len, photos)])
    asked = np.vstack(
        [question[None], encode([understand(text).words for text in reading.phrases])]
    )
    cosines = vectors @ asked.T
    best = np.maximum.reduceat(cosines[:, 1:], starts[:-1], axis=0)
    may = allowed(rows, query.where, index)
    whole, shown = np.zeros(len(photos), np.float32), np.full(len(photos), -1, np.int64)
    for number, (start, end) in enumerate(pairwise(starts.tolist())):
        own = cosines[start:end, 0]
        wholes = [own[i] for i, row in enumerate(rows[start:end]) if is_whole(row)]
        whole[number] = wholes[0] if wholes else own.mean()
        if may[start:end].any():
            shown[number] = start + np.where(may[start:end], own, -np.inf).argmax()
    scores = sentence_scores(whole, best.T)
    order = [i for i in np.argsort(-scores, kind="stable").tolist() if shown[i] >= 0]
    places = shown[order]
    return Resolved(
        [(rows[place], float(scores[i])) for place, i in zip(places.tolist(), order, strict=True)],
        vectors[places],
        np.ones(len(order), np.float32),
        question,
        replace(reading, photos=len(photos), segments=len(rows)),
    )
