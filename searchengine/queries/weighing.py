"""Weighing: of the senses that foreign words may have, those count most that the photos show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.vectors.store import Hits
from model.embedder import Embedder
from model.language.multilingual.reading import Senses
from searchengine.queries.understanding import Understanding

DEPTH = 5
"""Segments nearest to a sense whose mean cosine tells how much of it there is."""
SHARPNESS = 20.0
"""Weight of a sense that is nearer by a cosine of 0.05 rises e times. Both were chosen on names and
photos that measure nothing (docs/languages.md)."""

Nearest = Callable[[NDArray[np.float32], int, Filter], Sequence[Hits]]


def weighed(
    read: Sequence[Understanding], embedder: Embedder, nearest: Nearest
) -> list[Understanding]:
    """Readings whose senses are weighed by what an index shows of them; others as they are.

    A word of another language has several English ones, and an encoder of words alone cannot tell
    which of them is meant. Nobody searches for what the photos do not show, so what they show best
    is the likeliest. Negatives keep their weights: what is absent is seldom there.

    Args:
        read: readings of queries.
        embedder: embedder of the index's preset.
        nearest: finds the segments that conditions allow and that are nearest to N×D unit vectors.
    """
    senses = [senses_of(each) for each in read]
    texts = list(dict.fromkeys(text for some in senses if some for text in some.texts))
    if not texts:
        return list(read)
    encoded = dict(zip(texts, embedder.embed_texts(texts).vectors, strict=True))
    found = []
    for each, some in zip(read, senses, strict=True):
        if some is not None:
            vectors = np.stack([encoded[text] for text in some.texts])
            hits = nearest(vectors, DEPTH, each.query.where)
            if all(map(len, hits)):
                cosines = np.array([own.scores.mean() for own in hits])
                each = replaced(each, some, shown(some, cosines))
        found.append(each)
    return found


def senses_of(read: Understanding) -> Senses | None:
    """The senses of what a query asks for; None where there is one only."""
    return next((each for each in read.query.senses if each.words == read.query.words), None)


def shown(senses: Senses, cosines: NDArray[np.floating]) -> Senses:
    """Senses, the likeliest first, once it is known how near to each the photos come."""
    weights = np.array(senses.shares) * np.exp(SHARPNESS * (cosines - cosines.max()))
    shares = weights / weights.sum()
    order = np.argsort(-shares, kind="stable").tolist()
    texts = tuple(senses.texts[place] for place in order)
    return Senses(texts[0], texts, tuple(float(shares[place]) for place in order))


def replaced(read: Understanding, before: Senses, now: Senses) -> Understanding:
    """A reading with other senses of what it asks for."""
    query = read.query
    return replace(
        read,
        query=replace(
            query,
            words=now.words,
            senses=tuple(now if each is before else each for each in query.senses),
        ),
        translations=tuple(
            replace(each, senses=now) if each.senses is before else each
            for each in read.translations
        ),
    )
