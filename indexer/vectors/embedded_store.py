"""Embedded stores: vectors held in this process, ids that the catalog chooses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.catalog.records import Watermark
from indexer.vectors.exact_search import contains
from indexer.vectors.store import Floats, Hits, Ints, VectorStore, as_questions

Selection = Callable[[Filter], Ints]
"""Conditions to the ids that meet them, int64, ascending."""


class EmbeddedStore(VectorStore):
    """Store that knows ids and vectors alone: conditions are answered by who owns the records.

    The public methods check what they are given; a store implements `_add`, `_remove` and
    `_nearest`, which may rely on it.

    Args:
        dimension: components of a vector.
        selection: tells which ids meet conditions.
    """

    def __init__(self, dimension: int, selection: Selection) -> None:
        self.dimension = dimension
        self._selection = selection
        self._ids: Ints = np.zeros(0, np.int64)
        self._watermark: Watermark | None = None

    @property
    def watermark(self) -> Watermark | None:
        """State of the catalog that the store holds; None after a change until it is marked."""
        return self._watermark

    def mark(self, watermark: Watermark) -> None:
        """Note that the store holds this state of the catalog."""
        self._watermark = watermark

    def ids(self) -> Ints:
        """All ids, int64 ascending."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Remember vectors (n×D) under new ids (n); ValueError, and nothing added, otherwise."""
        ids = np.asarray(ids, np.int64)
        if ids.ndim != 1 or vectors.shape != (len(ids), self.dimension):
            raise ValueError(
                f"ids have shape {ids.shape} and vectors {vectors.shape}, expected (n,) and"
                f" (n, {self.dimension})"
            )
        if not len(ids):
            return
        ascending = np.sort(ids)
        if ascending[0] < 0 or (ascending[1:] == ascending[:-1]).any() or self._knows(ids).any():
            raise ValueError("an id is negative, given twice or known already")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector has a value that is not finite")
        self._watermark = None
        self._add(ids, vectors)
        appended = not len(self._ids) or ascending[0] > self._ids[-1]
        self._ids = np.concatenate([self._ids, ascending])
        if not appended:
            self._ids.sort()

    def remove(self, ids: Ints) -> int:
        """Forget ids and return how many were known; unknown ones are passed over."""
        gone = np.unique(np.asarray(ids, np.int64))
        gone = gone[self._knows(gone)]
        if len(gone):
            self._watermark = None
            self._remove(gone)
            self._ids = self._ids[~contains(gone, self._ids)]
        return len(gone)

    def search_many(self, queries: Floats, k: int, where: Filter | None = None) -> list[Hits]:
        """Best k for each of N×D questions; conditions choose the ids before the search."""
        queries = as_questions(queries, self.dimension)
        if k < 0:
            raise ValueError(f"k is {k}, expected 0 or more")
        allowed = self._allowed(where)
        k = min(k, len(self) if allowed is None else len(allowed))
        if k == 0 or not len(queries):
            return [Hits.empty(self.dimension) for _ in queries]
        return self._nearest(queries, k, allowed)

    def ranked(self, query: Floats, where: Filter | None = None) -> tuple[Ints, Floats]:
        """All ids that conditions allow, by their inner products with one question (D float32)."""
        (question,) = as_questions(np.asarray(query, np.float32)[None], self.dimension)
        allowed = self._allowed(where)
        if len(self) == 0 or (allowed is not None and not len(allowed)):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        ids, scores = self._compared_all(question, allowed)
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]

    def _allowed(self, where: Filter | None) -> Ints | None:
        """Known ids that conditions allow, ascending; None for all."""
        if where is None or where == Filter():
            return None
        allowed = self._selection(where)
        return np.asarray(allowed[self._knows(allowed)])

    def _knows(self, ids: Ints) -> NDArray[np.bool_]:
        return contains(self._ids, ids)

    @abstractmethod
    def _add(self, ids: Ints, vectors: Floats) -> None:
        """Remember at least one vector under ids that are new."""

    @abstractmethod
    def _remove(self, ids: Ints) -> None:
        """Forget at least one id, ascending, all known."""

    @abstractmethod
    def _nearest(self, queries: Floats, k: int, allowed: Ints | None) -> list[Hits]:
        """Best k ≥ 1 for each of at least one question, among at least k vectors.

        Args:
            queries: N×D float32, finite.
            k: answers to each.
            allowed: k or more known ids, ascending; None for all.
        """

    @abstractmethod
    def _compared_all(self, query: Floats, allowed: Ints | None) -> tuple[Ints, Floats]:
        """Ids in any order, n int64, and their inner products with a question, n float32.

        Args:
            query: D float32, finite.
            allowed: one or more known ids, ascending; None for all, of which there are some.
        """
