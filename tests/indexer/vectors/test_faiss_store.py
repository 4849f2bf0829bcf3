import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.store import ExactVectors
from model.errors import IndexDamaged, QueryError

D = 16


def unit(n: int, seed: int = 0, dimension: int = D) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clustered(n: int, dimension: int, seed: int) -> np.ndarray:
    """Clusters of clusters, as segments of photographs lie."""
    rng = np.random.default_rng(seed)
    coarse = unit(40, 1, dimension)
    fine = coarse[rng.integers(0, 40, 800)] + 0.6 * unit(800, 2, dimension)
    rows = fine[rng.integers(0, 800, n)] + 0.5 * unit(n, seed + 3, dimension)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Never:
    def __getattr__(self, name):
        raise AssertionError("a flat store asks nobody")


def assert_same(found, expected):
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


class VectorSource:
    """What the catalog is to a store: every vector by id."""

    def __init__(self, ids, vectors):
        self.ids, self.vectors = np.asarray(ids, np.int64), vectors
        self.most_at_once = 0

    def segment_ids(self):
        return np.sort(self.ids)

    def vectors_of(self, ids):
        self.most_at_once = max(self.most_at_once, len(ids))
        if not np.isin(ids, self.ids).all():
            raise QueryError("no such segment")
        order = np.argsort(self.ids)
        places = order[np.searchsorted(self.ids[order], ids)]
        return self.vectors[places]

    def vector_blocks(self, after_id=0):
        ids, vectors = self.ids[self.ids > after_id], self.vectors[self.ids > after_id]
        for i in range(0, len(ids), 700):
            yield ids[i : i + 700], vectors[i : i + 700]

    def reference(self):
        store = ExactVectors(self.vectors.shape[1])
        store.add(self.ids, self.vectors)
        return store


@pytest.fixture(scope="module")
def many():
    return VectorSource(np.arange(20_000) * 2 + 1, clustered(20_000, 64, seed=0))


@pytest.fixture(scope="module")
def grouped(many):
    return FaissVectors.build(64, many, grouped_from=5_000)


@settings(max_examples=60)
@given(st.data())
def test_flat_equals_the_reference_through_any_changes(data):
    flat, exact = FaissVectors(D, Never()), ExactVectors(D)
    pool = unit(12)
    next_id = 0
    for _ in range(data.draw(st.integers(1, 4))):
        n = data.draw(st.integers(0, 60))
        ids = np.array(data.draw(st.permutations(range(next_id, next_id + n))), np.int64) * 5
        next_id += n
        vectors = (
            pool[np.array(data.draw(st.lists(st.integers(0, 11), min_size=n, max_size=n)))]
            if n
            else pool[:0]
        )
        gone = np.array(data.draw(st.lists(st.integers(0, 5 * next_id), max_size=20)), np.int64)
        for store in (flat, exact):
            store.add(ids, vectors)
        assert flat.remove(gone) == exact.remove(gone)
    np.testing.assert_array_equal(flat.ids(), exact.ids())
    allowed = data.draw(st.none() | st.sets(st.integers(0, 5 * next_id + 9)))
    if allowed is not None:
        allowed = np.array(sorted(allowed), np.int64)
    k = data.draw(st.integers(0, 70))
    query = unit(1, seed=7)[0]
    assert_same(flat.search(query, k, allowed), exact.search(query, k, allowed))


def test_flat_equals_the_reference_among_many(many):
    flat = FaissVectors.build(64, many)
    exact = many.reference()
    assert flat.kind == "flat"
    rng = np.random.default_rng(1)
    for seed, share, k in [(1, 1.0, 10), (2, 0.1, 300), (3, 0.001, 50), (4, 0.5, 20_000)]:
        query = clustered(1, 64, seed=100 + seed)[0]
        allowed = many.ids[rng.random(20_000) < share]
        assert_same(flat.search(query, k), exact.search(query, k))
        assert_same(flat.search(query, k, allowed), exact.search(query, k, allowed))


def test_hundreds_of_equal_vectors_come_by_ascending_id():
    flat = FaissVectors(D, Never())
    ids = np.random.default_rng(0).permutation(3_000).astype(np.int64)
    flat.add(ids, np.repeat(unit(1), 3_000, axis=0))
    assert flat.search(unit(1)[0], 5).ids.tolist() == [0, 1, 2, 3, 4]
    allowed = np.arange(1_500, 3_000)
    assert flat.search(unit(1)[0], 3, allowed).ids.tolist() == [1_500, 1_501, 1_502]


def test_ids_may_be_huge_and_far_apart():
    ids = np.array([5, 10**9, 10**12, 2**62], np.int64)
    flat = FaissVectors(D, Never())
    flat.add(ids, unit(4))
    for i, row in zip(ids, unit(4), strict=True):
        assert flat.search(row, 1).ids.tolist() == [i]
        assert flat.search(row, 9, np.array([i])).ids.tolist() == [i]
    assert flat.search(unit(1)[0], 3, np.array([-4, -1])).ids.tolist() == []


@pytest.mark.parametrize("grouped_from", [1, 1_000_000])
def test_nothing_asked_of_nothing(grouped_from):
    store = FaissVectors(D, Never(), grouped_from=grouped_from)
    assert len(store.search(unit(1)[0], 5)) == 0
    truth = VectorSource([3], unit(1))
    store = FaissVectors(D, truth, grouped_from=grouped_from)
    store.add(truth.ids, truth.vectors)
    assert len(store.search(unit(1)[0], 0)) == 0
    assert store.search(unit(1)[0], 5).ids.tolist() == [3]
    assert len(store.search(unit(1)[0], 5, np.zeros(0, np.int64))) == 0
    assert len(store.search(unit(1)[0], 5, np.array([4]))) == 0
    with pytest.raises(ValueError, match="not finite"):
        store.search(np.full(D, np.nan, np.float32), 1)
    store.remove(np.array([3]))
    assert len(store.search(unit(1)[0], 5)) == 0


def test_grouped_recall_and_scores(many, grouped):
    assert grouped.kind == "grouped"
    assert not grouped.outgrown
    exact, found = many.reference(), 0
    for seed in range(50):
        query = clustered(1, 64, seed=1_000 + seed)[0]
        hits, wanted = grouped.search(query, 10), exact.search(query, 10)
        found += len(np.intersect1d(hits.ids, wanted.ids))
        right = exact.search(query, 10, np.sort(hits.ids))
        score = dict(zip(right.ids.tolist(), right.scores.tolist(), strict=True))
        np.testing.assert_allclose([score[i] for i in hits.ids.tolist()], hits.scores, atol=3e-3)
        np.testing.assert_allclose(hits.vectors @ query, hits.scores, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(hits.vectors, axis=1), 1, atol=1e-6)
        assert (np.diff(hits.scores) <= 0).all()
    assert found / 500 >= 0.95


def test_grouped_answers_as_a_naive_search_of_its_bytes(many, grouped):
    """Every list looked through, every vector decoded one by one, all compared."""
    import faiss

    index, held = grouped._index, np.empty((20_000, 64), np.float32)
    for group in range(index.nlist):
        size = index.invlists.list_size(group)
        for place, i in enumerate(faiss.rev_swig_ptr(index.invlists.get_ids(group), size)):
            row = held[i // 2]  # ids are odd numbers
            index.reconstruct_from_offset(group, place, faiss.swig_ptr(row))
    held /= np.linalg.norm(held, axis=1, keepdims=True)
    for seed in range(5):
        query = clustered(1, 64, seed=500 + seed)[0]
        hits = grouped.search(query, 20_000)
        scores = (held.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
        order = np.lexsort((many.ids, -scores))
        np.testing.assert_array_equal(hits.ids, many.ids[order])
        np.testing.assert_array_equal(hits.scores, scores[order])


def test_grouped_is_exact_with_a_filter_and_never_holds_all(many, grouped):
    exact = many.reference()
    rng = np.random.default_rng(1)
    many.most_at_once = 0
    for seed, share in [(1, 0.0005), (2, 0.05), (3, 0.12), (4, 0.95)]:
        query = clustered(1, 64, seed=2_000 + seed)[0]
        allowed = np.union1d(many.ids[rng.random(20_000) < share], [0, 10**12])
        assert_same(grouped.search(query, 25, allowed), exact.search(query, 25, allowed))
    assert 0 < many.most_at_once <= 8192


def test_grouped_finds_all_when_all_are_asked_for(many, grouped):
    hits = grouped.search(many.vectors[0], 20_000)
    np.testing.assert_array_equal(np.sort(hits.ids), many.ids)


def test_a_filter_forgets_what_the_catalog_forgot(many):
    truth = VectorSource(many.ids[:3_000], many.vectors[:3_000])
    store = FaissVectors.build(64, truth, grouped_from=1_000)
    truth.ids, truth.vectors = truth.ids[1:], truth.vectors[1:]
    assert 1 not in store.search(many.vectors[0], 10, np.array([1, 3, 5])).ids


def test_growing_past_the_border_groups_what_is_there(many):
    truth = VectorSource(many.ids[:6_000], many.vectors[:6_000])
    store = FaissVectors(64, truth, grouped_from=4_000)
    kinds = []
    for ids, vectors in truth.vector_blocks():
        store.add(ids, vectors)
        kinds.append(store.kind)
    assert kinds == ["flat"] * 5 + ["grouped"] * 4
    np.testing.assert_array_equal(store.ids(), truth.ids)
    assert store.remove(truth.ids[:1_000]) == 1_000
    hits = store.search(many.vectors[5_500], 6_000)
    np.testing.assert_array_equal(np.sort(hits.ids), truth.ids[1_000:])
    assert hits.ids[0] == truth.ids[5_500]


def test_groups_made_for_few_are_outgrown(many):
    few = VectorSource(many.ids[:500], many.vectors[:500])
    store = FaissVectors.build(64, few, grouped_from=500)
    assert not store.outgrown
    store.add(many.ids[500:1_900], many.vectors[500:1_900])
    assert not store.outgrown
    store.add(many.ids[1_900:2_100], many.vectors[1_900:2_100])
    assert store.outgrown


@pytest.mark.parametrize("grouped_from", [1_000, 1_000_000])
@pytest.mark.parametrize("name", ["plain", "line\nbreak \N{CAMERA}", "inv\udcffalid"])
def test_a_store_in_a_file_can_be_searched_and_changed(many, tmp_path, grouped_from, name):
    truth = VectorSource(many.ids[:3_000], many.vectors[:3_000])
    first = FaissVectors.build(64, truth, grouped_from=grouped_from)
    path = tmp_path / name
    with path.open("wb") as file:
        first.write(file.write)
        file.write(b"and more behind it")
    again = FaissVectors.read(path, truth, grouped_from=grouped_from)
    assert again.kind == first.kind
    query = many.vectors[77]
    np.testing.assert_array_equal(again.ids(), truth.ids)
    assert_same(again.search(query, 40), first.search(query, 40))
    path.unlink()
    assert_same(again.search(query, 40), first.search(query, 40))
    for store in (first, again):
        store.remove(truth.ids[100:200])
        store.add(truth.ids[150:160], truth.vectors[150:160])
        store.add(np.array([10**6]), unit(1, dimension=64))
    assert len(again) == 2_911
    truth.ids, truth.vectors = (
        np.append(truth.ids, 10**6),
        np.concatenate([truth.vectors, unit(1, dimension=64)]),
    )
    assert_same(again.search(query, 40), first.search(query, 40))


def test_what_the_sink_raises_is_raised(many):
    store = FaissVectors.build(64, many)

    def full(piece):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.write(full)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 10_000, b"IxM2" + b"\xff" * 5_000])
def test_a_file_of_something_else(tmp_path, content):
    path = tmp_path / "vectors.faiss"
    path.write_bytes(content)
    with pytest.raises(IndexDamaged, match="no FAISS index"):
        FaissVectors.read(path, Never())


def test_another_kind_of_index_is_refused(tmp_path):
    import faiss

    path = tmp_path / "vectors.faiss"
    faiss.write_index(faiss.IndexFlatL2(D), str(path))
    with pytest.raises(IndexDamaged, match="another kind"):
        FaissVectors.read(path, Never())


def test_importing_it_does_not_load_faiss():
    code = "import indexer.vectors.faiss_store, sys; sys.exit('faiss' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_gpu_no_gpu_resource_is_touched(monkeypatch):
    """Touching one there ends the process; the guard is all that can be tested without one."""
    import faiss

    def touched():
        raise AssertionError("a GPU resource was made without a GPU")

    monkeypatch.setattr(faiss, "StandardGpuResources", touched, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    store = FaissVectors(D, Never())
    store.add(np.array([3]), unit(1))
    assert store.search(unit(1)[0], 1).ids.tolist() == [3]
