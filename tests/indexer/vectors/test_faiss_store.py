from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.vectors.exact_store import ExactVectors
from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.store import Block, Floats, Hits, Ints
from model.errors import IndexDamaged, QueryError

D = 60  # padded to 64


def unit(n: int, seed: int = 0, dimension: int = D) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def clustered(n: int, seed: int) -> NDArray[np.float32]:
    """Clusters of clusters, as segments of photographs lie."""
    rng = np.random.default_rng(seed)
    coarse = unit(40, 1)
    fine = coarse[rng.integers(0, 40, 800)] + 0.6 * unit(800, 2)
    rows = fine[rng.integers(0, 800, n)] + 0.5 * unit(n, seed + 3)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.vectors, expected.vectors)


class Source:
    """What the catalog is to a store: every vector by id. A photo has one segment, of its id."""

    def __init__(self, ids: Ints, vectors: Floats) -> None:
        self.ids, self.vectors = np.asarray(ids, np.int64), vectors
        self.most_at_once = 0

    def segment_ids(self, conditions: Filter | None = None) -> Ints:
        wanted = (conditions or Filter()).photo_ids
        return np.sort(self.ids if wanted is None else np.intersect1d(self.ids, wanted))

    def vectors_of(self, segment_ids: Ints) -> Floats:
        self.most_at_once = max(self.most_at_once, len(segment_ids))
        if not np.isin(segment_ids, self.ids).all():
            raise QueryError("no such segment")
        order = np.argsort(self.ids)
        places = order[np.searchsorted(self.ids[order], segment_ids)]
        return self.vectors[places]

    def vector_blocks(self, after_id: int = 0) -> Iterator[Block]:
        ids, vectors = self.ids[self.ids > after_id], self.vectors[self.ids > after_id]
        for i in range(0, len(ids), 700):
            yield ids[i : i + 700], vectors[i : i + 700]

    def reference(self) -> ExactVectors:
        store = ExactVectors(self.vectors.shape[1], self.segment_ids)
        store.add(self.ids, self.vectors)
        return store


def only(ids: Ints) -> Filter:
    return Filter(photo_ids=tuple(ids.tolist()))


@pytest.fixture(scope="module")
def many() -> Source:
    return Source(np.arange(20_000) * 2 + 1, clustered(20_000, seed=0))


@pytest.fixture(scope="module")
def coded(many: Source) -> FaissVectors:
    return FaissVectors.build(D, many, coded_from=5_000)


def test_flat_equals_the_reference_among_many(many: Source) -> None:
    flat = FaissVectors.build(D, many)
    exact = many.reference()
    assert flat.kind == "flat"
    rng = np.random.default_rng(1)
    for seed, share, k in [(1, 1.0, 10), (2, 0.1, 300), (3, 0.001, 50), (4, 0.5, 20_000)]:
        queries = clustered(5, seed=100 + seed)
        where = only(many.ids[rng.random(20_000) < share])
        for query, hits, chosen in zip(
            queries,
            flat.search_many(queries, k),
            flat.search_many(queries, k, where),
            strict=True,
        ):
            assert_same(hits, exact.search(query, k))
            assert_same(chosen, exact.search(query, k, where))
        assert_same(flat.search(queries[0], k), exact.search(queries[0], k))
        assert_same(flat.search(queries[0], k, where), exact.search(queries[0], k, where))


def test_coded_finds_nearly_all_and_scores_exactly(many: Source, coded: FaissVectors) -> None:
    assert coded.kind == "coded"
    assert not coded.worn
    exact, found = many.reference(), 0
    queries = clustered(50, seed=1_000)
    for query, hits in zip(queries, coded.search_many(queries, 10), strict=True):
        assert_same(hits, coded.search(query, 10))  # asked alone or among others
        wanted = exact.search(query, 10)
        found += len(np.intersect1d(hits.ids, wanted.ids))
        assert_same(hits, exact.search(query, 10, only(np.sort(hits.ids))))
    assert found / 500 >= 0.98


def test_coded_rescores_some_hundred_and_no_more(many: Source, coded: FaissVectors) -> None:
    many.most_at_once = 0
    coded.search(many.vectors[5], 10)
    assert 900 <= many.most_at_once <= 1000


def test_coded_is_exact_with_conditions_and_never_holds_all(
    many: Source, coded: FaissVectors
) -> None:
    exact = many.reference()
    rng = np.random.default_rng(1)
    many.most_at_once = 0
    for seed, share in [(1, 0.0005), (2, 0.05), (3, 0.12), (4, 0.95)]:
        query = clustered(1, seed=2_000 + seed)[0]
        where = only(np.union1d(many.ids[rng.random(20_000) < share], [0, 10**12]))
        assert_same(coded.search(query, 25, where), exact.search(query, 25, where))
    assert 0 < many.most_at_once <= 8192


def test_coded_finds_all_when_all_are_asked_for(many: Source, coded: FaissVectors) -> None:
    assert_same(
        coded.search(many.vectors[0], 20_000), many.reference().search(many.vectors[0], 20_000)
    )


@pytest.mark.parametrize("k", [3, 1_000])
def test_what_the_catalog_forgot_is_not_found(many: Source, k: int) -> None:
    """Another process prunes while this one searches."""
    source = Source(many.ids[:3_000], many.vectors[:3_000])
    store = FaissVectors.build(D, source, coded_from=1_000)
    source.ids, source.vectors = source.ids[1:], source.vectors[1:]
    assert 1 not in store.search(many.vectors[0], k, only(np.array([1, 3, 5]))).ids
    assert 1 not in store.search(many.vectors[0], k).ids


def test_growing_past_the_border_codes_what_is_there(many: Source) -> None:
    source = Source(many.ids[:6_000], many.vectors[:6_000])
    store = FaissVectors(D, source, coded_from=4_000)
    kinds = []
    for ids, vectors in source.vector_blocks():
        store.add(ids, vectors)
        kinds.append(store.kind)
    assert kinds == ["flat"] * 5 + ["coded"] * 4
    np.testing.assert_array_equal(store.ids(), source.ids)
    assert store.remove(source.ids[:1_000]) == 1_000
    assert store.worn
    hits = store.search(many.vectors[5_500], 6_000)
    np.testing.assert_array_equal(np.sort(hits.ids), source.ids[1_000:])
    assert hits.ids[0] == source.ids[5_500]


def test_forgotten_neighbours_do_not_crowd_out_the_others(many: Source) -> None:
    """All candidates are gone: it asks for more."""
    source = Source(many.ids, many.vectors)
    store = FaissVectors.build(D, source, coded_from=5_000)
    query = many.vectors[11]
    nearest = np.sort(source.reference().search(query, 450).ids)
    store.remove(nearest)
    kept = ~np.isin(source.ids, nearest)
    source.ids, source.vectors = source.ids[kept], source.vectors[kept]
    hits, wanted = store.search(query, 10), source.reference().search(query, 10)
    assert len(np.intersect1d(hits.ids, wanted.ids)) >= 9


@pytest.mark.parametrize("coded_from", [1_000, 1_000_000])
@pytest.mark.parametrize("name", ["plain", "line\nbreak \N{CAMERA}", "inv\udcffalid"])
def test_a_store_in_a_file_can_be_searched_and_changed(
    many: Source, tmp_path: Path, coded_from: int, name: str
) -> None:
    source = Source(many.ids[:3_000], many.vectors[:3_000])
    first = FaissVectors.build(D, source, coded_from=coded_from)
    path = tmp_path / name
    with path.open("wb") as file:
        first.write(file.write)
        file.write(b"and more behind it")
    again = FaissVectors.read(path, D, source, coded_from=coded_from)
    assert again.kind == first.kind
    query = many.vectors[77]
    np.testing.assert_array_equal(again.ids(), source.ids)
    assert_same(again.search(query, 40), first.search(query, 40))
    path.unlink()
    assert_same(again.search(query, 40), first.search(query, 40))
    for store in (first, again):
        store.remove(source.ids[100:200])
        store.add(source.ids[150:160], source.vectors[150:160])
        store.add(np.array([10**6]), unit(1))
    assert len(again) == 2_911
    source.ids = np.append(source.ids, 10**6)
    source.vectors = np.concatenate([source.vectors, unit(1)])
    assert_same(again.search(query, 40), first.search(query, 40))
    assert_same(again.search(unit(1)[0], 1), first.search(unit(1)[0], 1))


def test_what_the_sink_raises_is_raised(many: Source) -> None:
    store = FaissVectors.build(D, many)

    def full(piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.write(full)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 10_000, b"IxM2" + b"\xff" * 5_000])
def test_a_file_of_something_else(tmp_path: Path, many: Source, content: bytes) -> None:
    path = tmp_path / "vectors.faiss"
    path.write_bytes(content)
    with pytest.raises(IndexDamaged, match="no FAISS index"):
        FaissVectors.read(path, D, many)


def test_another_kind_of_index_is_refused(tmp_path: Path, many: Source) -> None:
    import faiss

    path = tmp_path / "vectors.faiss"
    faiss.write_index(faiss.IndexFlatL2(D), str(path))
    with pytest.raises(IndexDamaged, match="another kind"):
        FaissVectors.read(path, D, many)


def test_vectors_of_another_length_are_refused(tmp_path: Path, many: Source) -> None:
    path = tmp_path / "vectors.faiss"
    with path.open("wb") as file:
        FaissVectors.build(D, many).write(file.write)
    with pytest.raises(IndexDamaged, match="another length"):
        FaissVectors.read(path, D + 8, many)


def test_importing_it_does_not_load_faiss() -> None:
    code = "import indexer.vectors.faiss_store, sys; sys.exit('faiss' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_gpu_no_gpu_resource_is_touched(
    monkeypatch: pytest.MonkeyPatch, many: Source
) -> None:
    """Touching one there ends the process; the guard is all that can be tested without one."""
    import faiss

    def touched() -> None:
        raise AssertionError("a GPU resource was made without a GPU")

    monkeypatch.setattr(faiss, "StandardGpuResources", touched, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    store = FaissVectors(D, many)
    store.add(np.array([3]), unit(1))
    assert store.search(unit(1)[0], 1).ids.tolist() == [3]
