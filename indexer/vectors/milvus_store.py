"""Vectors in Milvus: candidates come from its index, and are scored here as every store scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.catalog.records import Watermark
from indexer.vectors.exact_search import (
    ROUNDING,
    as_halves,
    best,
    contains,
    exact_scores,
    scan_source,
)
from indexer.vectors.milvus_collection import DEEPEST, MilvusCollection
from indexer.vectors.milvus_index import MilvusIndex
from indexer.vectors.milvus_server import MilvusServer
from indexer.vectors.store import Floats, Hits, Ints, VectorSource, VectorStore, as_questions

Present = Callable[[Ints], NDArray[np.bool_]]
"""Tells which of some ids are there."""

FEW = 20_000
"""Segments that conditions leave, up to which the catalog's own vectors are compared."""
SEALED_FROM = 1000
"""Rows that are put until a mark from which the server is told to seal them: it compares those
that it has not sealed one by one, and may be told but every ten seconds."""
_SPARE = 16


class MilvusVectors(VectorStore):
    """Collection of a Milvus server: ids, and vectors whose numbers are those that float16 holds.

    Under conditions the catalog tells which ids meet them. Where these are few, their vectors in
    the catalog are compared; where they are many, Milvus is asked as deep as enough of them should
    be met, and deeper; and where that ends before there are as many as were asked for, all are
    compared: conditions starve no search. A second collection holds the state of the catalog that
    this one has; from before a change until `mark` it holds what the change leads to, or nothing,
    so that one which broke off is seen.

    Args:
        server: the server.
        name: collection's name: letters, digits and "_".
        dimension: components of a vector.
        source: the catalog.
        index: type of the index that a new collection is made with.
        few: number of segments that conditions leave, up to which the catalog is asked.
        present: tells which ids the catalog has, where the collection may hold others, too.

    Raises (every method):
        StorageError: the server does not answer, or holds another kind of collection.
    """

    def __init__(
        self,
        server: MilvusServer,
        name: str,
        dimension: int,
        source: VectorSource,
        index: MilvusIndex,
        *,
        few: int = FEW,
        present: Present | None = None,
    ) -> None:
        self.dimension = dimension
        self._collection = MilvusCollection(server, name, dimension, index)
        self._source = source
        self._index = index
        self._few = few
        self._present = present
        self._last = 0
        self._begun = False
        self._unsealed = 0
        self._counted: int | None = None  # when rows were last counted; others write, too

    def __len__(self) -> int:
        self._counted = len(self._collection)
        return self._counted

    @property
    def watermark(self) -> Watermark | None:
        """State of the catalog that the collection holds; None while it is being changed."""
        aim, _, settled = self._told()
        return aim if settled else None

    @property
    def aim(self) -> Watermark | None:
        """State that the collection holds, or that the change leads to which broke off; None where
        nothing tells what it holds."""
        return self._told()[0]

    @property
    def last_id(self) -> int:
        """Highest id that the collection was given before it was marked."""
        return self._told()[1]

    def is_made(self) -> bool:
        """Whether the collection is there; all else that is asked of it makes it."""
        return self._collection.is_made()

    def begin(self, aim: Watermark) -> None:
        """Note what the changes lead to that follow, until `mark`."""
        self._last = max(self._last, self.last_id)
        self._note(aim, "begun")
        self._begun = True

    def mark(self, watermark: Watermark) -> None:
        """Note that the collection holds this state of the catalog."""
        if self._unsealed >= SEALED_FROM and self._collection.seal():
            self._unsealed = 0
        self._note(watermark, "settled")
        self._begun = False

    def ids(self) -> Ints:
        """All ids, int64 ascending."""
        return self._collection.ids()

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Remember vectors (n×D) under new ids (n); ValueError, and nothing added, otherwise."""
        ids = self._checked(ids, vectors)
        if self._collection.known(ids):
            raise ValueError("an id is known already")
        self.put(ids, vectors)

    def put(self, ids: Ints, vectors: Floats) -> None:
        """Have vectors (n×D) under ids (n), whether these are known or not.

        Doing it twice is doing it once, so that whoever was interrupted may do it again.

        Raises:
            ValueError: the cases of `add` but for ids that are known.
        """
        ids, kept = self._checked(ids, vectors), as_halves(vectors)
        if not len(ids):
            return
        self._note_change()
        self._last = max(self._last, int(ids.max()))
        self._collection.upsert(ids, kept)
        self._unsealed += len(ids)
        self._counted = None

    def remove(self, ids: Ints) -> int:
        """Forget ids and return how many were known; unknown ones are passed over."""
        gone = self._collection.known(np.unique(np.asarray(ids, np.int64)))
        if gone:
            self._note_change()
        self._collection.delete(gone)
        self._counted = None
        return len(gone)

    def search_many(self, queries: Floats, k: int, where: Filter | None = None) -> list[Hits]:
        """Best k for each of N×D questions, among those that conditions allow."""
        queries = as_questions(queries, self.dimension)
        if k < 0:
            raise ValueError(f"k is {k}, expected 0 or more")
        allowed = None
        if k and len(queries) and where is not None and where != Filter():
            allowed = self._source.segment_ids(where)
            k = min(k, len(allowed))
        if k == 0 or not len(queries):
            return [Hits.empty(self.dimension) for _ in queries]
        if allowed is not None and len(allowed) <= self._few:
            return scan_source(self._source, allowed, self._about(), queries, k)
        return [self._nearest(query, k, allowed) for query in queries]

    def ranked(self, query: Floats, where: Filter | None = None) -> tuple[Ints, Floats]:
        """All ids that conditions allow, by their inner products with one question (D float32)."""
        (question,) = as_questions(np.asarray(query, np.float32)[None], self.dimension)
        allowed = None if where is None or where == Filter() else self._source.segment_ids(where)
        ids, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for some, vectors in self._source.vector_blocks():
            chosen = slice(None) if allowed is None else contains(allowed, some)
            ids.append(some[chosen])
            scores.append(exact_scores(as_halves(vectors[chosen]), question))
        all_ids, all_scores = np.concatenate(ids), np.concatenate(scores)
        order = np.lexsort((all_ids, -all_scores))
        return all_ids[order], all_scores[order]

    def differing(self, ids: Ints, vectors: Floats) -> int:
        """Number of ids (n) under which the collection has other vectors than these (n×D)."""
        wanted = dict(zip(ids.tolist(), as_halves(vectors), strict=True))
        held = self._collection.vectors(ids)
        return len(ids) - sum(np.array_equal(vector, wanted[i]) for i, vector in held)

    def drop(self) -> None:
        """Forget the whole collection, and its state."""
        self._last, self._begun, self._unsealed, self._counted = 0, False, 0, None
        self._collection.drop()

    def _nearest(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        """Best k by the index of Milvus, or of all where that gives too few."""
        share = 1.0 if allowed is None else min(len(allowed) / max(self._about(), 1), 1.0)
        depth = int((k + _SPARE) / max(share, 1e-9) * (1.0 if allowed is None else 1.5))
        margin = 2 * ROUNDING * float(np.linalg.norm(query))
        while depth <= DEEPEST:
            ids, vectors, last = self._collection.nearest(query, depth)
            # a count takes the server as long as a search, and an index may give fewer than it has
            is_all = len(ids) < depth and len(ids) >= len(self)
            if is_all and allowed is None:
                k = min(k, len(ids))
            chosen = None
            if allowed is not None:
                chosen = contains(allowed, ids)
            elif self._present is not None:
                chosen = self._present(ids)
            if chosen is not None:
                ids, vectors = ids[chosen], vectors[chosen]
            if len(ids) >= k:
                hits = best(ids, exact_scores(vectors, query), vectors, k)
                if is_all or not self._index.exact or last < hits.scores[-1] - margin:
                    return hits
            elif is_all:
                break
            depth = min(4 * depth, DEEPEST) if depth < DEEPEST else DEEPEST + 1
        wanted = self._source.segment_ids() if allowed is None else allowed
        if not len(wanted):
            return Hits.empty(self.dimension)
        (hits,) = scan_source(self._source, wanted, self._about(), query[None], k)
        return hits

    def _about(self) -> int:
        """Number of rows, which another process may have changed since they were counted."""
        return len(self) if self._counted is None else self._counted

    def _checked(self, ids: Ints, vectors: Floats) -> Ints:
        ids = np.asarray(ids, np.int64)
        if ids.ndim != 1 or vectors.shape != (len(ids), self.dimension):
            raise ValueError(f"ids of shape {ids.shape}, vectors of {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector has a value that is not finite")
        if len(np.unique(ids)) < len(ids) or (len(ids) and ids.min() < 0):
            raise ValueError("an id is negative or given twice")
        return ids

    def _told(self) -> tuple[Watermark | None, int, bool]:
        """State that is noted, the highest id then, and whether it was reached."""
        match self._collection.told().split(" "):
            case [catalog_id, generation, revision, last, state]:
                held = Watermark(catalog_id, int(generation), revision)
                return held, int(last), state == "settled"
        return None, 0, False

    def _note_change(self) -> None:
        if not self._begun:
            self._note(None, "")

    def _note(self, watermark: Watermark | None, state: str) -> None:
        told = "" if watermark is None else " ".join(map(str, (*watermark, self._last, state)))
        self._collection.note(told)
