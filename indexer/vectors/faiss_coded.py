"""Coded FAISS index: a quarter byte a component, all compared at a glance, the best scored exactly.

Two components share four bits (product quantisation), whose inner products FAISS looks up in
registers. The error is some 0.015, far more than lies between neighbours, so the best few hundred
are scored again with their exact vectors, which the catalog has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from indexer.vectors.exact_search import (
    FEW,
    as_halves,
    best,
    contains,
    exact_scores,
    scan_source,
    vectors_there,
)
from indexer.vectors.faiss_flat import widened, width_for
from indexer.vectors.faiss_installation import load_faiss
from indexer.vectors.store import Block, Floats, Hits, Ints, VectorSource

RESCORED = 1000
"""Candidates of a search that are scored exactly, more where many answers are wanted."""
SAMPLE = 8192
CENTROIDS = 16
AT_ONCE = 64
"""Questions whose candidates are held in memory together."""
MOST_GONE = 0.1
"""Share of places held by forgotten vectors above which codes should be made anew."""


class CodedIndex:
    """All vectors as codes in FAISS's `PQ…x4fs`, each at a place that has an id.

    Args:
        dimension: components of a vector.
        source: exact vectors by id.
        index: FAISS's index, trained, with its ids.
    """

    kind = "coded"

    def __init__(self, dimension: int, source: VectorSource, index: Any) -> None:
        self.dimension = dimension
        self.index = index
        self._source = source
        self._faiss = load_faiss()
        self._order: Ints = np.asarray(self._faiss.vector_to_array(index.id_map), np.int64)
        self._alive = int((self._order >= 0).sum())

    @classmethod
    def trained(
        cls, dimension: int, source: VectorSource, blocks: Iterable[Block], count: int
    ) -> CodedIndex:
        """An empty index whose code is learnt from a sample of `count` vectors in blocks."""
        faiss = load_faiss()
        width = width_for(dimension)
        codes = faiss.IndexPQFastScan(width, width // 2, 4, faiss.METRIC_INNER_PRODUCT)
        codes.pq.cp.min_points_per_centroid = 1  # else it complains on stderr of few vectors
        rng = np.random.default_rng(0)
        picked = (rows[rng.random(len(rows)) < SAMPLE / count] for _, rows in blocks)
        sample = np.concatenate([np.zeros((0, dimension), np.float32), *picked])
        few = np.resize(sample, (max(len(sample), CENTROIDS), dimension))
        with _one_thread(faiss):
            codes.train(widened(as_halves(few)))
        return cls(dimension, source, faiss.IndexIDMap(codes))

    def __len__(self) -> int:
        return self._alive

    @property
    def worn(self) -> bool:
        """Whether so many vectors were forgotten that the codes should be made anew."""
        return self._alive < (1 - MOST_GONE) * len(self._order)

    def ids(self) -> Ints:
        """All ids, int64, in the order they are held."""
        return self._order[self._order >= 0]

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Hold the codes of n×D vectors."""
        self.index.add_with_ids(widened(as_halves(vectors)), ids)
        self._order = np.concatenate([self._order, ids])
        self._alive += len(ids)

    def remove(self, ids: Ints) -> None:
        """Let go of known ids (ascending); their codes keep their places without them."""
        self._order[contains(ids, self._order)] = -1
        self._alive -= len(ids)
        self._faiss.copy_array_to_vector(self._order, self.index.id_map)

    def differing(self, ids: Ints, vectors: Floats) -> int:
        """Number of known ids (ascending) whose codes are not those of n×D vectors."""
        places = np.argsort(self._order, kind="stable")
        places = places[np.searchsorted(self._order[places], ids)]
        codes = self._faiss.downcast_index(self.index.index)
        held = np.stack([codes.reconstruct(place) for place in places.tolist()])
        pq = codes.pq
        rows = pq.decode(pq.compute_codes(widened(as_halves(vectors))))
        return int((held != rows).any(axis=1).sum())

    def nearest(self, queries: Floats, k: int, allowed: Ints | None) -> list[Hits]:
        """The best k for each of N×D questions; the exact best among allowed ids (ascending)."""
        if allowed is not None:
            return scan_source(self._source, allowed, len(self), queries, k)
        pieces = (queries[i : i + AT_ONCE] for i in range(0, len(queries), AT_ONCE))
        return [hits for piece in pieces for hits in self._rescored(piece, k)]

    def compared_all(self, query: Floats, allowed: Ints | None) -> tuple[Ints, Floats]:
        """All ids, or the allowed ones (ascending), and the inner products of their codes; exact
        ones where so few are allowed that their vectors are quicker read."""
        if allowed is not None and FEW * len(allowed) < len(self):
            ids, vectors = vectors_there(self._source, allowed)
            return ids, exact_scores(as_halves(vectors), query)
        scores, found = self.index.search(widened(query[None]), len(self._order))
        wanted = found[0] >= 0 if allowed is None else contains(allowed, found[0])
        return found[0][wanted], scores[0][wanted]

    def _rescored(self, queries: Floats, k: int) -> list[Hits]:
        candidates = self._candidates(queries, max(RESCORED, k + k // 2))
        ids, vectors = vectors_there(self._source, np.unique(np.concatenate(candidates)))
        halves = as_halves(vectors)
        answers = []
        for query, some in zip(queries, candidates, strict=True):
            rows = halves[near := contains(some, ids)]
            answers.append(best(ids[near], exact_scores(rows, query), rows, k))
        return answers

    def _candidates(self, queries: Floats, wanted: int, deeper: int = 1) -> list[Ints]:
        """Ascending ids of the about `wanted` best by their codes, for each question.

        Those that others at the border equal are left out: which of them FAISS finds depends on
        how many questions it answers at a time. Where that or what was forgotten leaves less than
        half, more are asked for.
        """
        if deeper * wanted >= len(self._order):
            return [np.sort(self.ids())] * len(queries)
        rough, found = self.index.search(widened(queries), deeper * wanted)
        clear = (rough > rough[:, -1:]) & (found >= 0)
        return [
            np.sort(ids[here])
            if 2 * here.sum() >= wanted
            else self._candidates(query[None], wanted, 4 * deeper)[0]
            for query, ids, here in zip(queries, found, clear, strict=True)
        ]


@contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    """Context in which FAISS starts no threads: thousands of steps of microseconds each would
    wait for each other, for minutes where other processes have the cores."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
