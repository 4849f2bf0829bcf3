"""Vectors by id, and the nearest of them to a question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import QueryError

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Block = tuple[Ints, Floats]
"""Ascending ids (n) and their vectors (n×D)."""

SCAN_ROWS = 8192
FEW = 8
"""Ids below this part of all are quicker looked up than picked out of everything."""
ROUNDING = 2e-5
"""How far a float32 inner product of unit vectors can be from the exact one."""
HALVING = 2.0**-11
"""How far float16 can move an inner product of unit vectors."""


class VectorSource(Protocol):
    """What a store of vectors answers for: the catalog."""

    def segment_ids(self) -> Ints:
        """All ids, ascending."""

    def vectors_of(self, segment_ids: Ints) -> Floats:
        """n×D, in the order asked; QueryError where one is not there."""

    def vector_blocks(self, after_id: int = 0) -> Iterator[Block]:
        """All vectors of ids above `after_id`, by ascending id."""


@dataclass(frozen=True, eq=False)
class Hits:
    """What a search found, best first, equal scores by ascending id.

    Attributes:
        ids: n int64.
        scores: n float32, inner products of the question with `vectors`.
        vectors: n×D float32, what was found, as the store holds it.
    """

    ids: Ints
    scores: Floats
    vectors: Floats

    @classmethod
    def empty(cls, dimension: int) -> Hits:
        """Nothing found."""
        return cls(
            np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, dimension), np.float32)
        )

    def __len__(self) -> int:
        return len(self.ids)


class VectorStore(ABC):
    """Unit vectors by id, remembered as float16, searched by inner product.

    The public methods check what they are given; a store implements `_add`, `_remove` and
    `_nearest`, which may rely on it.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._ids: Ints = np.zeros(0, np.int64)

    def ids(self) -> Ints:
        """All ids, int64 ascending."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Remember vectors (n×D) under new ids (n, not negative).

        Raises:
            ValueError: shapes that do not fit, an id known already or given twice, a value that
                is not finite. Nothing is added then.
        """
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
        self._add(ids, vectors)
        appended = not len(self._ids) or ascending[0] > self._ids[-1]
        self._ids = np.concatenate([self._ids, ascending])
        if not appended:
            self._ids.sort()

    def remove(self, ids: Ints) -> int:
        """Forget ids; unknown ones are passed over. How many were forgotten."""
        gone = np.unique(np.asarray(ids, np.int64))
        gone = gone[self._knows(gone)]
        if len(gone):
            self._remove(gone)
            self._ids = self._ids[~contains(gone, self._ids)]
        return len(gone)

    def search(self, query: Floats, k: int, allowed: Ints | None = None) -> Hits:
        """The k ids with the largest inner product, fewer where there are not as many.

        Args:
            query: D float32.
            k: how many at most.
            allowed: int64 ascending; only these are answers. Ids that are not known are passed
                over. A restricted search is always exact.

        Raises:
            ValueError: the query has another shape or a value that is not finite; k < 0; the
                allowed ids are not ascending.
        """
        query = np.ascontiguousarray(query, np.float32)
        if query.shape != (self.dimension,):
            raise ValueError(f"the query has shape {query.shape}, expected ({self.dimension},)")
        if not np.isfinite(query).all():
            raise ValueError("the query has a value that is not finite")
        if k < 0:
            raise ValueError(f"k is {k}, expected 0 or more")
        if allowed is not None and (allowed[1:] <= allowed[:-1]).any():
            raise ValueError("the allowed ids are not ascending")
        k = min(k, len(self) if allowed is None else len(allowed))
        if k == 0 or not len(self):
            return Hits.empty(self.dimension)
        return self._nearest(query, k, allowed)

    def _knows(self, ids: Ints) -> NDArray[np.bool_]:
        return contains(self._ids, ids)

    @abstractmethod
    def _add(self, ids: Ints, vectors: Floats) -> None:
        """Remember at least one vector under ids that are new."""

    @abstractmethod
    def _remove(self, ids: Ints) -> None:
        """Forget at least one id, ascending, all known."""

    @abstractmethod
    def _nearest(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        """The best k ≥ 1 of a store that is not empty; `allowed` is not empty."""


class ExactVectors(VectorStore):
    """All vectors in one array, all compared: the reference, and enough for small collections."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self._vectors = np.zeros((0, dimension), np.float16)
        self._order: Ints = np.zeros(0, np.int64)

    def _add(self, ids: Ints, vectors: Floats) -> None:
        self._order = np.concatenate([self._order, ids])
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float16)])

    def _remove(self, ids: Ints) -> None:
        kept = ~contains(ids, self._order)
        self._order, self._vectors = self._order[kept], self._vectors[kept]

    def _nearest(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        order, vectors = self._order, self._vectors
        if allowed is not None:
            chosen = contains(allowed, order)
            order, vectors = order[chosen], vectors[chosen]
        return best(order, exact_scores(vectors, query), vectors, k)


def contains(ascending: Ints, ids: Ints) -> NDArray[np.bool_]:
    """Which of `ids` are among `ascending` (both int64)."""
    if not len(ascending):
        return np.zeros(len(ids), np.bool_)
    place = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[place] == ids)


def as_halves(vectors: Floats) -> Floats:
    """The vectors as float16 holds them, which is how stores remember them."""
    return vectors.astype(np.float16).astype(np.float32)


def exact_scores(vectors: Floats | NDArray[np.float16], query: Floats) -> Floats:
    """n float32: inner products of vectors (n×D, as float16 holds them), rounded once.

    In float64 the order of summation does not show, so that every store gives one number for
    one pair, and ties are ties everywhere.
    """
    return np.asarray(vectors.astype(np.float64) @ query.astype(np.float64), np.float32)


def best(ids: Ints, scores: Floats, vectors: Floats | NDArray[np.float16], k: int) -> Hits:
    """The k ≥ 1 largest scores, best first, ties by ascending id."""
    near = np.arange(len(ids))
    if len(ids) > 4 * k:
        near = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    order = near[np.lexsort((ids[near], -scores[near]))[:k]]
    return Hits(ids[order], scores[order], np.asarray(vectors[order], np.float32))


def scan(blocks: Iterable[Block], query: Floats, k: int) -> Hits:
    """The exact best k ≥ 1 of all blocks of unit vectors, one block in memory at a time."""
    found = Hits.empty(len(query))
    # a rough score may be too low, and the one that it is compared with too high
    margin = (ROUNDING + 2 * HALVING) * float(np.linalg.norm(query))
    for ids, vectors in blocks:
        rough = vectors @ query
        floor = float(found.scores[-1]) if len(found) == k else -np.inf
        if len(rough) > k:
            floor = max(floor, float(np.partition(rough, len(rough) - k)[len(rough) - k]))
        near = np.flatnonzero(rough >= floor - margin)
        halves = as_halves(vectors[near])
        found = best(
            np.concatenate([found.ids, ids[near]]),
            np.concatenate([found.scores, exact_scores(halves, query)]),
            np.concatenate([found.vectors, halves]),
            k,
        )
    return found


def scan_source(truth: VectorSource, allowed: Ints, known: int, query: Floats, k: int) -> Hits:
    """The exact best k ≥ 1 of the allowed ids (ascending), out of `known` ids in all.

    A few are asked for one by one; for many it is quicker to let everything pass by.
    """
    if FEW * len(allowed) < known:
        pieces = (allowed[i : i + SCAN_ROWS] for i in range(0, len(allowed), SCAN_ROWS))
        return scan((vectors_there(truth, ids) for ids in pieces), query, k)
    return scan(_chosen(truth, allowed), query, k)


def vectors_there(truth: VectorSource, ids: Ints) -> tuple[Ints, Floats]:
    """Those of the ids that are still there, and their vectors (n×D)."""
    try:
        return ids, truth.vectors_of(ids)
    except QueryError:  # another process has forgotten a photo since the store was made
        there = ids[contains(truth.segment_ids(), ids)]
        return there, truth.vectors_of(there)


def _chosen(truth: VectorSource, allowed: Ints) -> Iterator[Block]:
    for ids, vectors in truth.vector_blocks(int(allowed[0]) - 1):
        if ids[0] > allowed[-1]:
            return
        here = contains(allowed, ids)
        if here.any():
            yield ids[here], vectors[here]


def gathered(blocks: Iterable[Block], rows: int = SCAN_ROWS) -> Iterator[Block]:
    """The same vectors in blocks of at least `rows` rows, the last one excepted."""
    waiting: list[Block] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += len(block[0])
        if held >= rows:
            yield _joined(waiting)
            waiting, held = [], 0
    if held:
        yield _joined(waiting)


def _joined(blocks: list[Block]) -> Block:
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])
