"""Contract of a vector store: each back end is listed below and must pass all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from users_servers import fresh_name

from indexer.catalog.filter import Filter
from indexer.catalog.records import Watermark
from indexer.vectors.exact_store import ExactVectors
from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.milvus_index import milvus_index
from indexer.vectors.milvus_server import MilvusServer
from indexer.vectors.milvus_store import FEW, MilvusVectors
from indexer.vectors.store import Block, Floats, Hits, Ints, VectorStore
from model.errors import QueryError

if TYPE_CHECKING:
    from milvus_server import OwnMilvus
    from postgres_server import OwnServer
    from users_servers import UsersMilvus, UsersPostgres

D = 12


class Source:
    """A catalog of vectors alone: each photo has one segment, of the same id."""

    def __init__(self) -> None:
        self.held: dict[int, NDArray[np.float32]] = {}

    def segment_ids(self, conditions: Filter | None = None) -> Ints:
        wanted = (conditions or Filter()).photo_ids
        chosen = set(self.held) if wanted is None else set(self.held) & set(wanted)
        return np.array(sorted(chosen), np.int64)

    def vectors_of(self, segment_ids: Ints) -> Floats:
        if not set(segment_ids.tolist()) <= set(self.held):
            raise QueryError("no such segment")
        rows = [self.held[i] for i in segment_ids.tolist()]
        return np.array(rows, np.float32).reshape(len(rows), D)

    def vector_blocks(self, after_id: int = 0) -> Iterator[Block]:
        ids = self.segment_ids()
        ids = ids[ids > after_id]
        for start in range(0, len(ids), 7):
            yield ids[start : start + 7], self.vectors_of(ids[start : start + 7])


BackEnd = Callable[[Source], VectorStore]
BACK_ENDS: dict[str, BackEnd] = {
    "exact": lambda source: ExactVectors(D, source.segment_ids),
    "faiss": lambda source: FaissVectors(D, source),
    "faiss-coded": lambda source: FaissVectors(D, source, coded_from=1),
    "faiss-growing": lambda source: FaissVectors(D, source, coded_from=20),
}


SERVERS = ["pgvector", "milvus", "milvus-deep"]
NAMES = [*BACK_ENDS, *SERVERS]


@pytest.fixture(scope="module")
def back_end_of() -> Iterator[Callable[[str, pytest.FixtureRequest], BackEnd]]:
    """A back end by its name; a table or collection is made for the first that asks for it."""
    with ExitStack() as stack:
        made: dict[str, BackEnd] = {}

        def named(name: str, request: pytest.FixtureRequest) -> BackEnd:
            if name in BACK_ENDS:
                return BACK_ENDS[name]
            if name not in made:
                kept: AbstractContextManager[BackEnd]
                if name == "pgvector":
                    kept = a_table(request.getfixturevalue("any_postgres"))
                else:
                    few = 0 if name == "milvus-deep" else FEW
                    kept = a_collection(request.getfixturevalue("any_milvus"), few)
                made[name] = stack.enter_context(kept)
            return made[name]

        yield named


@contextmanager
def a_table(server: OwnServer | UsersPostgres) -> Iterator[BackEnd]:
    """A table of vectors alone: each photo has one, of the same id."""
    from indexer.catalog.postgres.conditions import ids_given
    from indexer.catalog.postgres.database import Connection, Database
    from indexer.catalog.postgres.schema import make_vector_table
    from indexer.location import parsed
    from indexer.vectors.pgvector_choice import Choice
    from indexer.vectors.pgvector_store import PgVectors

    location, _ = parsed(server.uri(fresh_name()))
    with closing(Database(location)) as maker, maker.alone() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        connection.execute(f"CREATE SCHEMA {location.schema}")
    database = Database(location)  # whose connections know the extension
    database.write(lambda connection: make_vector_table(connection, D))

    def choose(_: Connection, asked: Filter) -> Choice:
        if asked.photo_ids is None:
            return Choice()
        return Choice("", "v.segment_id = ANY(%s::bigint[])", (ids_given(asked.photo_ids),))

    def back_end(_: Source) -> VectorStore:
        database.write(lambda connection: connection.execute("TRUNCATE vectors"))
        return PgVectors(database, D, choose=choose)

    yield back_end
    with database.alone() as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(f"DROP SCHEMA {location.schema} CASCADE")
    database.close()


@contextmanager
def a_collection(server: OwnMilvus | UsersMilvus, few: int) -> Iterator[BackEnd]:
    """A collection of vectors, emptied for each who asks for it."""
    connection, name, index = MilvusServer(server.uri), fresh_name(), milvus_index("FLAT")

    def back_end(source: Source) -> VectorStore:
        store = MilvusVectors(connection, name, D, source, index, few=few)
        store.remove(store.ids())
        store.mark(Watermark("0c" * 16, 0, "0d" * 16))
        store.remove(np.array([0]))
        return store

    yield back_end
    MilvusVectors(connection, name, D, Source(), index).drop()
    connection.close()


@pytest.fixture(params=NAMES)
def back_end(
    request: pytest.FixtureRequest,
    back_end_of: Callable[[str, pytest.FixtureRequest], BackEnd],
) -> BackEnd:
    return back_end_of(request.param, request)


def unit(n: int, seed: int = 0) -> Floats:
    rows = np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def naive(held: dict[int, NDArray[np.float32]], query: NDArray[np.float32], k: int) -> Hits:
    """One pair after the other, sorted."""
    halves = {i: row.astype(np.float16).astype(np.float32) for i, row in held.items()}
    question = query.astype(np.float64)
    scored = sorted(
        (-np.float32(row.astype(np.float64) @ question), i) for i, row in halves.items()
    )[:k]
    return Hits(
        np.array([i for _, i in scored], np.int64),
        np.array([-score for score, _ in scored], np.float32),
        np.array([halves[i] for _, i in scored], np.float32).reshape(len(scored), D),
    )


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == found.vectors.dtype == np.float32


def grown(
    back_end: Callable[[Source], VectorStore], ids: list[int], vectors: Floats
) -> tuple[Source, VectorStore]:
    source = Source()
    store = back_end(source)
    source.held = dict(zip(ids, vectors, strict=True))
    store.add(np.array(ids, np.int64), vectors)
    return source, store


@pytest.mark.parametrize("name", BACK_ENDS)
@settings(max_examples=40)
@given(data=st.data())
def test_finds_what_a_naive_search_finds(name: str, data: st.DataObject) -> None:
    assert_finds_as_a_naive_search(BACK_ENDS[name], data)


@pytest.mark.parametrize("name", SERVERS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_server_finds_what_a_naive_search_finds(
    name: str,
    data: st.DataObject,
    back_end_of: Callable[[str, pytest.FixtureRequest], BackEnd],
    request: pytest.FixtureRequest,
) -> None:
    assert_finds_as_a_naive_search(back_end_of(name, request), data)


def assert_finds_as_a_naive_search(back_end: BackEnd, data: st.DataObject) -> None:
    source = Source()
    store = back_end(source)
    pool = unit(9)  # few, so that there are ties
    next_id = 0
    for _ in range(data.draw(st.integers(1, 3))):
        n = data.draw(st.integers(0, 25))
        ids = [5 * i for i in data.draw(st.permutations(range(next_id, next_id + n)))]
        next_id += n
        rows = pool[np.array(data.draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)), int)]
        source.held |= dict(zip(ids, rows, strict=True))
        store.add(np.array(ids, np.int64), rows)
        gone = data.draw(st.sets(st.integers(0, 5 * next_id), max_size=20))
        known = gone & set(source.held)
        for i in known:
            del source.held[i]
        assert store.remove(np.array(sorted(gone), np.int64)) == len(known)
        assert len(store) == len(source.held)
    wanted = data.draw(st.none() | st.sets(st.integers(0, 5 * next_id + 9)))
    where = data.draw(st.sampled_from([None, Filter()])) if wanted is None else None
    left = source.held
    if wanted is not None:
        where = Filter(photo_ids=tuple(sorted(wanted)))
        left = {i: row for i, row in source.held.items() if i in wanted}
    k = data.draw(st.integers(0, 90))
    queries = unit(data.draw(st.integers(0, 6)), seed=7) * np.float32(1.7)
    found = store.search_many(queries, k, where)
    assert len(found) == len(queries)
    for query, hits in zip(queries, found, strict=True):
        assert_same(hits, naive(left, query, k))
        assert_same(store.search(query, k, where), hits)


def test_hundreds_of_equal_vectors_come_by_ascending_id(
    back_end: Callable[[Source], VectorStore],
) -> None:
    ids = np.random.default_rng(0).permutation(3_000).tolist()
    _, store = grown(back_end, ids, np.repeat(unit(1), 3_000, axis=0))
    late = Filter(photo_ids=tuple(range(1_500, 3_000)))
    for questions in (1, 5):
        queries = np.repeat(unit(1), questions, axis=0)
        for hits in store.search_many(queries, 5):
            assert hits.ids.tolist() == [0, 1, 2, 3, 4]
        for hits in store.search_many(queries, 3, late):
            assert hits.ids.tolist() == [1_500, 1_501, 1_502]


def test_ids_may_be_huge_and_far_apart(back_end: Callable[[Source], VectorStore]) -> None:
    ids = [5, 10**9, 10**12, 2**62]
    _, store = grown(back_end, ids, unit(4))
    for i, row in zip(ids, unit(4), strict=True):
        assert store.search(row, 1).ids.tolist() == [i]
        assert store.search(row, 9, Filter(photo_ids=(i,))).ids.tolist() == [i]
    assert len(store.search(unit(1)[0], 3, Filter(photo_ids=(4, 6)))) == 0


def test_nothing_asked_of_nothing(back_end: Callable[[Source], VectorStore]) -> None:
    source = Source()
    store = back_end(source)
    assert len(store.search(unit(1)[0], 5)) == 0
    assert store.search_many(unit(0), 5) == []
    assert store.remove(np.array([3])) == 0
    store.add(np.zeros(0, np.int64), unit(0))
    assert len(store) == 0


def test_a_watermark_holds_until_something_changes(
    back_end: Callable[[Source], VectorStore],
) -> None:
    _, store = grown(back_end, [7, 8], unit(2))
    mark = Watermark("0a" * 16, 5, "0b" * 16)
    assert store.watermark is None
    store.mark(mark)
    store.search(unit(1)[0], 1)
    store.remove(np.array([3]))
    assert store.watermark == mark
    store.remove(np.array([7]))
    assert store.watermark is None
    store.mark(mark)
    store.add(np.array([9]), unit(1))
    assert store.watermark is None


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        ([1, 2], unit(3)),
        ([1], np.ones((1, D + 1), np.float32)),
        ([[1]], unit(1)),
        ([-1], unit(1)),
        ([3, 3], unit(2)),
        ([3, 7], unit(2)),  # 7 is known already
        ([3], np.full((1, D), np.nan, np.float32)),
        ([3], np.full((1, D), np.inf, np.float32)),
    ],
)
def test_refuses_what_cannot_be_remembered(
    back_end: Callable[[Source], VectorStore], ids: list[int], vectors: Floats
) -> None:
    _, store = grown(back_end, [7], unit(1))
    with pytest.raises(ValueError):
        store.add(np.array(ids), vectors)
    assert len(store) == 1
    assert store.search(unit(1)[0], 5).ids.tolist() == [7]


@pytest.mark.parametrize(
    ("queries", "k"),
    [
        (np.full((1, D), np.nan, np.float32), 1),
        (np.full((1, D), np.inf, np.float32), 1),
        (np.ones((1, D + 1), np.float32), 1),
        (np.ones((1, 1, D), np.float32), 1),
        (np.ones((1, D), np.float32), -1),
    ],
)
def test_refuses_what_cannot_be_asked(
    back_end: Callable[[Source], VectorStore], queries: Floats, k: int
) -> None:
    _, store = grown(back_end, [7], unit(1))
    with pytest.raises(ValueError):
        store.search_many(queries, k)
    with pytest.raises(ValueError):
        store.search(queries[0], k)


@pytest.mark.parametrize("gone", [[], [3, 4, 5, 50]])
@pytest.mark.parametrize("wanted", [None, (1, 2, 3, 60, 999), tuple(range(40))])
def test_ranks_all_that_conditions_allow(
    back_end: Callable[[Source], VectorStore], gone: list[int], wanted: tuple[int, ...] | None
) -> None:
    ids = list(range(70, 0, -1))
    vectors = unit(70)
    vectors[1] = vectors[0]  # a tie
    source, store = grown(back_end, ids, vectors)
    store.remove(np.array(gone, np.int64))
    for i in gone:
        del source.held[i]
    where = None if wanted is None else Filter(photo_ids=wanted)
    left = {i: row for i, row in source.held.items() if wanted is None or i in wanted}
    found, scores = store.ranked(unit(1, seed=9)[0] * 2, where)
    assert (found.dtype, scores.dtype) == (np.int64, np.float32)
    assert sorted(found.tolist()) == sorted(left)
    assert (np.diff(scores) <= 0).all()
    ties = np.flatnonzero(np.diff(scores) == 0)
    assert (found[ties] < found[ties + 1]).all()
    expected = naive(left, unit(1, seed=9)[0] * 2, 70)
    exact = dict(zip(expected.ids.tolist(), expected.scores.tolist(), strict=True))
    off = np.abs(scores - np.array([exact[i] for i in found.tolist()]))
    coded = isinstance(store, FaissVectors) and store.kind == "coded"
    assert off.max() < (1.5 if coded else 1e-5)  # a code of 12 components tells little
    if not coded:
        np.testing.assert_array_equal(scores, np.sort(scores)[::-1])
        near = np.abs(np.diff(expected.scores)) > 1e-5
        clear = np.concatenate([[True], near]) & np.concatenate([near, [True]])
        np.testing.assert_array_equal(found[clear], expected.ids[clear])


def test_ranks_nothing_where_there_is_nothing(back_end: Callable[[Source], VectorStore]) -> None:
    assert [len(part) for part in back_end(Source()).ranked(unit(1)[0])] == [0, 0]
    _, store = grown(back_end, [1, 2], unit(2))
    assert [len(part) for part in store.ranked(unit(1)[0], Filter(photo_ids=(9,)))] == [0, 0]
    with pytest.raises(ValueError, match="finite"):
        store.ranked(np.full(D, np.nan, np.float32))
