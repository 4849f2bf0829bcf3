"""Exact store: all vectors in one array, all compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.vectors.embedded_store import EmbeddedStore, Selection
from indexer.vectors.exact_search import best, contains, exact_scores
from indexer.vectors.store import Floats, Hits, Ints


class ExactVectors(EmbeddedStore):
    """Float16 vectors in one array: the reference for other stores, and enough for small indexes.

    Needs no library but NumPy.
    """

    def __init__(self, dimension: int, selection: Selection) -> None:
        super().__init__(dimension, selection)
        self._vectors = np.zeros((0, dimension), np.float16)
        self._order: Ints = np.zeros(0, np.int64)

    def _add(self, ids: Ints, vectors: Floats) -> None:
        self._order = np.concatenate([self._order, ids])
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float16)])

    def _remove(self, ids: Ints) -> None:
        kept = ~contains(ids, self._order)
        self._order, self._vectors = self._order[kept], self._vectors[kept]

    def _nearest(self, queries: Floats, k: int, allowed: Ints | None) -> list[Hits]:
        order, vectors = self._among(allowed)
        return [best(order, exact_scores(vectors, query), vectors, k) for query in queries]

    def _compared_all(self, query: Floats, allowed: Ints | None) -> tuple[Ints, Floats]:
        order, vectors = self._among(allowed)
        return order, exact_scores(vectors, query)

    def _among(self, allowed: Ints | None) -> tuple[Ints, NDArray[np.float16]]:
        if allowed is None:
            return self._order, self._vectors
        chosen = contains(allowed, self._order)
        return self._order[chosen], self._vectors[chosen]
