"""Wording: the English texts that stand for words of another language, as one vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from searchengine.queries.query import Query

Vector = NDArray[np.float32]


def wordings(queries: Sequence[Query], texts: Iterable[str]) -> list[str]:
    """Texts to encode, each once: those that are given and all that stand for any of them."""
    standing = (text for query in queries for senses in query.senses for text in senses.texts)
    return list(dict.fromkeys([*texts, *standing]))


def mixed(text: str, query: Query, encoded: Mapping[str, Vector]) -> Vector:
    """D float32: a text of a query as one unit vector, the weighted mean direction of its senses.

    Args:
        text: words of the query or of one of its negatives.
        query: the query, with the senses of its texts.
        encoded: unit vectors of all `wordings`.
    """
    for senses in query.senses:
        if senses.words == text:
            rows = np.stack([encoded[each] for each in senses.texts])
            mean = np.asarray(senses.shares, np.float32) @ rows
            return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
    return encoded[text]
