import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.vectors.store import ExactVectors, Hits, best, contains, exact_scores, gathered, scan

D = 8


def unit(n: int, seed: int = 0, dimension: int = D) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive(ids, vectors, query, k, allowed=None) -> Hits:
    """One pair after the other, sorted."""
    scored = sorted(
        (-np.float32(row.astype(np.float16).astype(np.float64) @ query.astype(np.float64)), i)
        for i, row in zip(ids.tolist(), vectors, strict=True)
        if allowed is None or i in set(allowed.tolist())
    )[:k]
    found = np.array([i for _, i in scored], np.int64)
    place = {i: row for row, i in enumerate(ids.tolist())}
    rows = vectors[[place[i] for i in found.tolist()]].astype(np.float16).astype(np.float32)
    return Hits(found, np.array([-s for s, _ in scored], np.float32), rows)


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == np.float32


@given(st.data())
def test_finds_what_a_naive_search_finds(data):
    n = data.draw(st.integers(0, 40))
    ids = np.array(data.draw(st.permutations(range(0, 3 * n, 3))), np.int64)
    distinct = unit(max(1, n // 2), seed=n)
    vectors = distinct[np.arange(n) % len(distinct)]  # every vector twice: ties
    store = ExactVectors(D)
    store.add(ids, vectors)
    gone = np.array(data.draw(st.lists(st.integers(0, 130), max_size=10)), np.int64)
    assert store.remove(gone) == len(set(gone.tolist()) & set(ids.tolist()))
    kept = ~np.isin(ids, gone)
    allowed = data.draw(st.none() | st.sets(st.integers(0, 130)))
    if allowed is not None:
        allowed = np.array(sorted(allowed), np.int64)
    query = unit(1, seed=99)[0]
    k = data.draw(st.integers(0, 50))
    assert_same(store.search(query, k, allowed), naive(ids[kept], vectors[kept], query, k, allowed))
    np.testing.assert_array_equal(store.ids(), np.sort(ids[kept]))
    assert len(store) == kept.sum()


@given(st.integers(1, 30), st.integers(1, 60), st.integers(1, 20))
def test_a_scan_by_blocks_is_the_search_of_all(k, n, rows):
    vectors = unit(max(1, n // 2))[np.arange(n) % max(1, n // 2)].astype(np.float16)
    ids = np.arange(n, dtype=np.int64)
    query = unit(1, seed=5)[0]
    blocks = [(ids[i : i + rows], vectors[i : i + rows]) for i in range(0, n, rows)]
    assert_same(scan(blocks, query, k), best(ids, exact_scores(vectors, query), vectors, k))


def test_best_keeps_the_lowest_ids_of_a_tie_at_the_border():
    ids = np.arange(1000, dtype=np.int64)[::-1].copy()
    found = best(ids, np.ones(1000, np.float32), unit(1000), 3)
    assert found.ids.tolist() == [0, 1, 2]


def test_a_score_does_not_depend_on_its_neighbours():
    vectors, query = unit(500, dimension=384), unit(1, seed=3, dimension=384)[0]
    together = exact_scores(vectors, query)
    alone = np.concatenate([exact_scores(vectors[i : i + 1], query) for i in range(500)])
    np.testing.assert_array_equal(together, alone)


def test_gathered_blocks_hold_the_same_rows():
    vectors = unit(25).astype(np.float16)
    ids = np.arange(25, dtype=np.int64)
    small = [(ids[i : i + 2], vectors[i : i + 2]) for i in range(0, 25, 2)]
    large = list(gathered(small, rows=7))
    assert [len(i) for i, _ in large] == [8, 8, 8, 1]
    np.testing.assert_array_equal(np.concatenate([v for _, v in large]), vectors)
    assert list(gathered([])) == []


def test_contains():
    assert contains(np.array([2, 5]), np.array([1, 2, 5, 9])).tolist() == [False, True, True, False]
    assert contains(np.zeros(0, np.int64), np.array([1])).tolist() == [False]


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        ([1, 2], unit(3)),
        ([1], unit(1, dimension=D + 1)),
        ([[1]], unit(1)),
        ([-1], unit(1)),
        ([3, 3], unit(2)),
        ([3, 7], unit(2)),  # 7 is known already
        ([3], np.full((1, D), np.nan, np.float32)),
        ([3], np.full((1, D), np.inf, np.float32)),
    ],
)
def test_refuses_what_cannot_be_remembered(ids, vectors):
    store = ExactVectors(D)
    store.add(np.array([7]), unit(1))
    with pytest.raises(ValueError):
        store.add(np.array(ids), vectors)
    assert store.ids().tolist() == [7]


@pytest.mark.parametrize(
    ("query", "k", "allowed"),
    [
        (np.full(D, np.nan, np.float32), 1, None),
        (np.full(D, np.inf, np.float32), 1, None),
        (np.ones(D + 1, np.float32), 1, None),
        (np.ones((1, D), np.float32), 1, None),
        (np.ones(D, np.float32), -1, None),
        (np.ones(D, np.float32), 1, np.array([3, 1])),
        (np.ones(D, np.float32), 1, np.array([1, 1])),
    ],
)
def test_refuses_what_cannot_be_asked(query, k, allowed):
    store = ExactVectors(D)
    store.add(np.array([7]), unit(1))
    with pytest.raises(ValueError):
        store.search(query, k, allowed)
