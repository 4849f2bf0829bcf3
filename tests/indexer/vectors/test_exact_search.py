from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.vectors import exact_search
from indexer.vectors.exact_search import best, contains, exact_scores, gathered, scan
from indexer.vectors.store import Hits

D = 8


def unit(n: int, seed: int = 0, dimension: int = D) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.vectors, expected.vectors)


@pytest.mark.parametrize("waiting", [1, exact_search.MOST_WAITING])
@given(
    k=st.integers(1, 30), n=st.integers(1, 60), rows=st.integers(1, 20), questions=st.integers(0, 5)
)
def test_a_scan_by_blocks_is_the_search_of_all(
    waiting: int, k: int, n: int, rows: int, questions: int
) -> None:
    vectors = unit(max(1, n // 2))[np.arange(n) % max(1, n // 2)].astype(np.float16)
    ids = np.arange(n, dtype=np.int64)
    queries = 3 * unit(questions, seed=5)
    wide = vectors.astype(np.float32)
    blocks = [(ids[i : i + rows], wide[i : i + rows]) for i in range(0, n, rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_search, "MOST_WAITING", waiting)
        found = scan(blocks, queries, k)
    assert len(found) == questions
    for query, hits in zip(queries, found, strict=True):
        assert_same(hits, best(ids, exact_scores(vectors, query), vectors, k))


def test_best_keeps_the_lowest_ids_of_a_tie_at_the_border() -> None:
    ids = np.arange(1000, dtype=np.int64)[::-1].copy()
    found = best(ids, np.ones(1000, np.float32), unit(1000), 3)
    assert found.ids.tolist() == [0, 1, 2]


def test_a_score_does_not_depend_on_its_neighbours() -> None:
    vectors, query = unit(500, dimension=384), unit(1, seed=3, dimension=384)[0]
    together = exact_scores(vectors, query)
    alone = np.concatenate([exact_scores(vectors[i : i + 1], query) for i in range(500)])
    np.testing.assert_array_equal(together, alone)


def test_gathered_blocks_hold_the_same_rows() -> None:
    vectors = unit(25)
    ids = np.arange(25, dtype=np.int64)
    small = [(ids[i : i + 2], vectors[i : i + 2]) for i in range(0, 25, 2)]
    large = list(gathered(small, rows=7))
    assert [len(i) for i, _ in large] == [8, 8, 8, 1]
    np.testing.assert_array_equal(np.concatenate([v for _, v in large]), vectors)
    assert list(gathered([])) == []


def test_contains() -> None:
    assert contains(np.array([2, 5]), np.array([1, 2, 5, 9])).tolist() == [False, True, True, False]
    assert contains(np.zeros(0, np.int64), np.array([1])).tolist() == [False]
