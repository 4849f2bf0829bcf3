"""The vector store's face: unit vectors by id, and the nearest of them to a question.

`indexer.backends` knows which one an index uses. Whoever writes another makes these methods work
and runs the contract of `tests/indexer/vectors/test_store_contract.py` over it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.catalog.records import Watermark

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Block = tuple[Ints, Floats]
"""Ascending ids (n) and their vectors (n×D)."""


class VectorSource(Protocol):
    """Owner of the exact vectors and of what is known about them: the catalog."""

    def segment_ids(self, conditions: Filter | None = None) -> Ints:
        """Ids that meet all conditions, int64, ascending; all ids where none are given."""

    def vectors_of(self, segment_ids: Ints) -> Floats:
        """n×D, in the order asked; QueryError where one is not there."""

    def vector_blocks(self, after_id: int = 0) -> Iterator[Block]:
        """All vectors of ids above `after_id`, by ascending id."""


@dataclass(frozen=True, eq=False)
class Hits:
    """Answers of one search, best first, equal scores by ascending id.

    Attributes:
        ids: n int64.
        scores: n float32, inner products of the question with `vectors`.
        vectors: n×D float32, the vectors found, as the store holds them.
    """

    ids: Ints
    scores: Floats
    vectors: Floats

    @classmethod
    def empty(cls, dimension: int) -> Hits:
        """No answer among vectors of `dimension` components."""
        return cls(
            np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, dimension), np.float32)
        )

    def __len__(self) -> int:
        return len(self.ids)


def as_questions(queries: Floats, dimension: int) -> Floats:
    """N×D questions, contiguous float32.

    Raises:
        ValueError: questions of another shape, or with a value that is not finite.
    """
    queries = np.ascontiguousarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"the questions have shape {queries.shape}, expected (n, {dimension})")
    if not np.isfinite(queries).all():
        raise ValueError("a question has a value that is not finite")
    return queries


class VectorStore(ABC):
    """Unit vectors by id, searched by inner product, under conditions that the catalog can tell.

    Attributes:
        dimension: components of a vector.
    """

    dimension: int

    @abstractmethod
    def __len__(self) -> int:
        """Number of vectors."""

    @property
    @abstractmethod
    def watermark(self) -> Watermark | None:
        """State of the catalog that the store holds; None after a change until it is marked."""

    @abstractmethod
    def mark(self, watermark: Watermark) -> None:
        """Note that the store holds this state of the catalog."""

    @abstractmethod
    def add(self, ids: Ints, vectors: Floats) -> None:
        """Remember vectors (n×D) under new ids (n, not negative).

        Raises:
            ValueError: shapes that do not fit, an id known already or given twice, a value that
                is not finite. Nothing is added then.
        """

    @abstractmethod
    def remove(self, ids: Ints) -> int:
        """Forget ids and return how many were known; unknown ones are passed over."""

    @abstractmethod
    def search_many(self, queries: Floats, k: int, where: Filter | None = None) -> list[Hits]:
        """Ids with the k largest inner products for each question; fewer where there are fewer.

        Args:
            queries: N×D float32, of any length.
            k: answers to each question at most.
            where: conditions that every answer meets. Embedded stores are exact then; a served one
                is where conditions leave few, and never gives fewer than there are.

        Raises:
            ValueError: the questions have another shape or a value that is not finite; k < 0.
        """

    @abstractmethod
    def ranked(self, query: Floats, where: Filter | None = None) -> tuple[Ints, Floats]:
        """All ids that conditions allow, by their inner products with one question, the largest
        first, equal ones by ascending id; n int64, and n float32.

        Vectors stay where they are, so that millions can be ranked. A store that keeps codes ranks
        by these: the inner products may be off by as much as a code is.

        Args:
            query: D float32, of any length.
            where: conditions that every answer meets.

        Raises:
            ValueError: the question has another shape or a value that is not finite.
        """

    def search(self, query: Floats, k: int, where: Filter | None = None) -> Hits:
        """Answers to one question (D float32); otherwise as `search_many`."""
        (hits,) = self.search_many(np.asarray(query, np.float32)[None], k, where)
        return hits
