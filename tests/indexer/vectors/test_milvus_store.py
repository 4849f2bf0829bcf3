"""Vectors in Milvus: each index type finds what comparing all finds, under any conditions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.catalog.filter import Filter
from indexer.catalog.records import Watermark
from indexer.vectors import milvus_collection, milvus_store
from indexer.vectors.exact_store import ExactVectors
from indexer.vectors.milvus_index import TYPES, milvus_index
from indexer.vectors.milvus_server import MilvusServer
from indexer.vectors.milvus_store import MilvusVectors
from indexer.vectors.store import Block, Floats, Ints
from model.errors import QueryError, StorageError

if TYPE_CHECKING:
    from milvus_server import OwnMilvus

D, N = 16, 1000


class Source:
    """A catalog of vectors alone: the photo of a segment has its id."""

    def __init__(self, vectors: Floats) -> None:
        self.ids = np.arange(1, len(vectors) + 1)
        self.vectors = vectors.astype(np.float16).astype(np.float32)

    def segment_ids(self, conditions: Filter | None = None) -> Ints:
        wanted = (conditions or Filter()).photo_ids
        return self.ids if wanted is None else np.intersect1d(self.ids, np.array(wanted, np.int64))

    def vectors_of(self, segment_ids: Ints) -> Floats:
        return self.vectors[segment_ids - 1]

    def vector_blocks(self, after_id: int = 0) -> Iterator[Block]:
        yield self.ids[after_id:], self.vectors[after_id:]


def clustered(n: int, seed: int) -> Floats:
    """Unit vectors around some centres, as those of segments are."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((40, D))
    rows = centres[draw.integers(40, size=n)] + 0.4 * draw.standard_normal((n, D))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(clustered(N, 1))


@pytest.fixture
def server(milvus_server: OwnMilvus) -> Iterator[MilvusServer]:
    connection = MilvusServer(milvus_server.uri, patience=10)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", TYPES)
def test_every_index_type_finds_what_comparing_all_finds(
    server: MilvusServer, source: Source, name: str
) -> None:
    exact = ExactVectors(D, source.segment_ids)
    exact.add(source.ids, source.vectors)
    index = milvus_index(name.lower())
    store = MilvusVectors(server, f"of_{name}", D, source, index, few=20)
    store.add(source.ids, source.vectors)
    try:
        assert len(store) == N
        np.testing.assert_array_equal(store.ids(), source.ids)
        questions = clustered(6, 2)
        near = np.argsort(-(source.vectors @ questions[0]))[:100] + 1
        for where in (
            None,
            Filter(photo_ids=tuple(range(1, N, 2))),
            Filter(photo_ids=tuple(range(1, N, 100))),  # 1 %
            Filter(photo_ids=tuple(np.setdiff1d(source.ids, near).tolist())),  # all but the nearest
            Filter(photo_ids=(5, 6)),
            Filter(photo_ids=()),
        ):
            wanted = exact.search_many(questions, 20, where)
            found = store.search_many(questions, 20, where)
            assert [len(hits) for hits in found] == [len(hits) for hits in wanted]
            right = sum(
                len(np.intersect1d(hits.ids, best.ids))
                for hits, best in zip(found, wanted, strict=True)
            )
            assert right >= 0.98 * sum(map(len, wanted))
            if index.exact:
                for hits, best in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(hits.ids, best.ids)
                    np.testing.assert_array_equal(hits.scores, best.scores)
    finally:
        store.drop()


def test_more_than_milvus_gives_are_compared_here(
    server: MilvusServer, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.vectors.milvus_store.DEEPEST", 100)
    store = MilvusVectors(server, "deepest", D, source, milvus_index("FLAT"), few=0)
    store.add(source.ids, source.vectors)
    try:
        hits = store.search(source.vectors[7], 300, Filter(photo_ids=tuple(range(1, N, 2))))
        assert len(hits) == 300
        assert (hits.ids % 2 == 1).all()
        np.testing.assert_array_equal(store.ids(), source.ids)
    finally:
        store.drop()


def test_rows_are_counted_only_where_an_answer_is_short(
    server: MilvusServer, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    counted = MilvusVectors.__len__
    monkeypatch.setattr(MilvusVectors, "__len__", lambda own: counts.append(1) or counted(own))
    store = MilvusVectors(server, "counted", D, source, milvus_index("FLAT"), few=0)
    store.add(source.ids, source.vectors)
    try:
        assert len(store.search(source.vectors[7], 20)) == 20
        assert not counts
        assert len(store.search(source.vectors[7], N + 5)) == N
        assert len(counts) == 1
        odd = Filter(photo_ids=tuple(range(1, N, 2)))  # how deep to ask is told by an old count
        assert len(store.search(source.vectors[7], 20, odd)) == 20
        assert len(counts) == 1
    finally:
        store.drop()


def test_many_new_rows_are_sealed_with_the_state_that_they_lead_to(
    server: MilvusServer, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = []
    flush = milvus_collection._flush

    def flushed(client: object, name: str) -> None:
        sealed.append(name)
        flush(client, name)
        if len(sealed) > 1:
            raise StorageError("told too often", "")

    monkeypatch.setattr(milvus_collection, "_flush", flushed)
    monkeypatch.setattr(milvus_store, "SEALED_FROM", 100)
    store = MilvusVectors(server, "sealed", D, source, milvus_index("HNSW"))
    try:
        for number, rows in enumerate((slice(0, 50), slice(50, 150), slice(150, 400))):
            store.put(source.ids[rows], source.vectors[rows])
            store.mark(Watermark("c", number, f"{number:032x}"))
            assert sealed == ["sealed"] * number  # a server that was told too often is no fault
        assert len(store) == 400
        assert store.search(source.vectors[300], 1).ids.tolist() == [301]
    finally:
        store.drop()


@pytest.mark.parametrize("name", ["GPU_CAGRA", "IVF_RABITQ", "", "flat2"])
def test_an_index_type_that_was_not_tried_is_refused_here(name: str) -> None:
    with pytest.raises(QueryError, match="choose one of FLAT, IVF_FLAT, IVF_SQ8, HNSW"):
        milvus_index(name)


def test_a_collection_of_another_kind_is_refused(server: MilvusServer, source: Source) -> None:
    flat = milvus_index("FLAT")
    store = MilvusVectors(server, "other", D, source, flat)
    assert len(store) == 0
    try:
        with pytest.raises(StorageError, match=f"vectors of {D} components, not of 9"):
            len(MilvusVectors(server, "other", 9, source, flat))
        with pytest.raises(StorageError, match="kept by FLAT, not by HNSW"):
            len(MilvusVectors(server, "other", D, source, milvus_index("HNSW")))
    finally:
        store.drop()


def test_what_broke_off_is_seen_and_doing_it_again_is_doing_it_once(
    server: MilvusServer, source: Source
) -> None:
    flat = milvus_index("FLAT")
    store = MilvusVectors(server, "broken", D, source, flat)
    try:
        mark = Watermark("0a" * 16, 5, "0b" * 16)
        store.put(source.ids[:10], source.vectors[:10])
        store.mark(mark)
        assert MilvusVectors(server, "broken", D, source, flat).watermark == mark
        store.put(source.ids[:20], source.vectors[:20])  # and no mark
        store.put(source.ids[:20], source.vectors[:20])
        again = MilvusVectors(server, "broken", D, source, flat)
        assert again.watermark is None
        assert len(again) == 20
        assert again.ids().tolist() == list(range(1, 21))
    finally:
        store.drop()


def test_a_server_that_is_killed_keeps_what_it_was_told_and_is_an_error_meanwhile(
    milvus_server: OwnMilvus, source: Source
) -> None:
    connection = MilvusServer(milvus_server.uri, patience=2)
    store = MilvusVectors(connection, "killed", D, source, milvus_index("FLAT"))
    store.put(source.ids[:50], source.vectors[:50])
    milvus_server.kill()
    try:
        with pytest.raises(StorageError, match="does not answer") as away:
            store.search(source.vectors[0], 5)
        assert "\n" not in str(away.value)
    finally:
        milvus_server.start()
    found: list[int] = []
    end = time.monotonic() + 40
    while not found and time.monotonic() < end:  # the same process finds it again
        with suppress(StorageError):
            found = store.ids().tolist()
    assert found == list(range(1, 51))
    store.drop()
    connection.close()


def test_a_server_that_is_not_there_is_one_line(source: Source) -> None:
    store = MilvusVectors(
        MilvusServer("http://127.0.0.1:9", patience=1), "x", D, source, milvus_index("FLAT")
    )
    with pytest.raises(StorageError, match=r"Milvus server at .* does not answer"):
        len(store)
