"""The graph in PostgreSQL: found by conditions as without, and never fewer than there are."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.backends import create_catalog, keeper_of
from indexer.catalog.filter import Filter
from indexer.location import index_folder
from model.embeddings import Embeddings
from model.errors import StorageError

if TYPE_CHECKING:
    from indexer.catalog.postgres.postgres_catalog import PostgresCatalog

pytest.importorskip("pgvector")
PHOTOS = 80


@pytest.fixture
def catalog(
    postgres_uri: str, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresCatalog]:
    from indexer.vectors import pgvector_graph

    monkeypatch.setattr(pgvector_graph, "FROM", 10)
    with create_catalog(index_folder(postgres_uri), made.MANIFEST) as created:
        made.write(created, 0, 8)
        yield created


def exact(
    catalog: PostgresCatalog, question: np.ndarray, k: int, where: Filter | None = None
) -> list[int]:
    ids = catalog.segment_ids(where)
    halves = catalog.vectors_of(ids).astype(np.float16).astype(np.float64)
    scores = (halves @ question.astype(np.float64)).astype(np.float32)
    return ids[np.lexsort((ids, -scores))[:k]].tolist()


@pytest.mark.parametrize("exact_up_to", [0, 50_000])
def test_the_graph_finds_what_comparing_all_finds(
    catalog: PostgresCatalog, made: ModuleType, exact_up_to: int
) -> None:
    from indexer.vectors.pgvector_store import PgVectors

    made.write(catalog, 8, PHOTOS)
    assert keeper_of(catalog.folder, catalog).sync(writable=True).action == "rebuilt"
    assert keeper_of(catalog.folder, catalog).sync(writable=True).action == "used"
    store = PgVectors(catalog.database, 8, exact_up_to=exact_up_to)
    assert len(store) == len(catalog.segment_ids())
    questions = Embeddings.unit(np.random.default_rng(1).normal(size=(12, 8)), made.SPACE).vectors
    for where in (
        None,
        Filter(photo_ids=tuple(range(1, PHOTOS, 9))),
        Filter(camera="nikon", min_area=0.05, places=("left",)),
        Filter(path_glob="*/2021/*", before="2023-02-01"),
        Filter(photo_ids=(2,)),
    ):
        wanted = [exact(catalog, each, 20, where) for each in questions]
        found = store.search_many(questions, 20, where)
        assert [len(hits) for hits in found] == [len(ids) for ids in wanted]
        right = sum(
            len(set(hits.ids.tolist()) & set(ids)) for hits, ids in zip(found, wanted, strict=True)
        )
        assert right >= 0.98 * sum(map(len, wanted))
        for hits in found:
            assert (np.diff(hits.scores) <= 0).all()
    # what is written later is compared beside the graph, what is forgotten is in neither
    catalog.forget_files([made.made_stamp(n).path for n in range(0, PHOTOS, 2)])
    catalog.add_photo(made.made_photo(PHOTOS + 4), made.made_stamp(PHOTOS + 4))
    for each in questions:
        assert store.search(each, 40).ids.tolist() == exact(catalog, each, 40)
    made.write(catalog, PHOTOS + 10, PHOTOS + 50)  # too many to be compared at each search
    keeper = keeper_of(catalog.folder, catalog)
    assert [keeper.sync(writable=True).action for _ in range(2)] == ["rebuilt", "used"]
    assert keeper.problems() == []


def test_a_graph_that_was_left_unfinished_is_told_and_made_anew(
    catalog: PostgresCatalog,
) -> None:
    keeper = keeper_of(catalog.folder, catalog)
    assert keeper.sync_if_behind() == ""
    assert keeper.problems() == []
    with catalog.database.alone() as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid::regclass::text LIKE 'vectors_graph%'"
        )
    assert "unfinished" in keeper.problems()[0]
    assert len(keeper.vectors().search(np.ones(8, np.float32), 5)) == 5
    assert keeper.rebuild().action == "rebuilt"
    assert keeper.problems() == []


def test_who_may_not_make_a_graph_searches_without(
    catalog: PostgresCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = keeper_of(catalog.folder, catalog)
    store = keeper.vectors()

    def refused(_: object) -> bool:
        raise StorageError("no room")

    monkeypatch.setattr("indexer.vectors.pgvector_graph.VectorGraph.make", refused)
    assert "no room" in keeper.sync_if_behind()
    assert len(store.search(np.ones(8, np.float32), 5)) == 5
