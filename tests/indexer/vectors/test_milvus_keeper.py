"""A collection in Milvus beside a catalog in PostgreSQL: as new as that, whatever breaks off."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.backends import create_catalog, keeper_of, open_catalog
from indexer.catalog.filter import Filter
from indexer.location import index_folder, parsed
from indexer.vectors import milvus_collection
from indexer.vectors.milvus_collection import MilvusCollection
from indexer.vectors.milvus_store import MilvusVectors
from model.embeddings import Embeddings
from model.errors import QueryError, StorageError

if TYPE_CHECKING:
    from milvus_server import OwnMilvus

    from indexer.catalog.postgres.postgres_catalog import PostgresCatalog
    from indexer.vectors.milvus_keeper import MilvusKeeper

pytest.importorskip("psycopg")
pytest.importorskip("pymilvus")
PHOTOS = 12
FOLLOWER = """
import sys
from pathlib import Path
from indexer.backends import keeper_of, open_catalog
from indexer.vectors import milvus_collection
milvus_collection._ROWS = 2
folder = Path(sys.argv[1])
with open_catalog(folder, readonly=True) as catalog:
    print("begun", flush=True)
    keeper_of(folder, catalog).sync(writable=True)
    print("done", flush=True)
"""


@pytest.fixture
def uri(postgres_uri: str, milvus_server: OwnMilvus) -> str:
    place = postgres_uri.replace("+pgvector", "+milvus")
    return f"{place}&milvus={milvus_server.uri}&milvus_index=FLAT"


@pytest.fixture
def catalog(uri: str, made: ModuleType) -> Iterator[PostgresCatalog]:
    with create_catalog(index_folder(uri), made.MANIFEST) as created:
        made.write(created, 0, PHOTOS)
        yield created
        keeper(created)._store.drop()


def keeper(catalog: PostgresCatalog) -> MilvusKeeper:
    found = keeper_of(catalog.folder, catalog)
    return found  # type: ignore[return-value]


def assert_whole(catalog: PostgresCatalog) -> None:
    """Whether a search finds in the collection what comparing all of the catalog finds."""
    kept = keeper(catalog)
    questions = Embeddings.unit(np.random.default_rng(1).normal(size=(3, 8)), made_space()).vectors
    for where in (None, Filter(camera="nikon"), Filter(photo_ids=(2, 5, 7))):
        ids = catalog.segment_ids(where)
        halves = catalog.vectors_of(ids).astype(np.float16).astype(np.float64)
        for question in questions:
            scores = (halves @ question.astype(np.float64)).astype(np.float32)
            best = ids[np.lexsort((ids, -scores))[:15]]
            assert kept.vectors().search(question, 15, where).ids.tolist() == best.tolist()
    assert kept.problems() == []


def made_space() -> object:
    return sys.modules["made_photos"].SPACE


def test_a_collection_follows_its_catalog(catalog: PostgresCatalog, made: ModuleType) -> None:
    assert keeper(catalog).sync(writable=False).note
    assert keeper(catalog).problems() == [
        "the collection in Milvus is behind; the next search brings it up to date"
    ]
    assert keeper(catalog).sync(writable=True).action == "rebuilt"
    assert keeper(catalog).sync(writable=True).action == "used"
    assert_whole(catalog)
    made.write(catalog, PHOTOS, PHOTOS + 3)
    assert keeper(catalog).sync(writable=True).action == "mended"
    assert_whole(catalog)
    catalog.forget_files([made.made_stamp(n).path for n in range(0, PHOTOS, 2)])
    assert keeper(catalog).sync_if_behind() == ""
    assert_whole(catalog)
    catalog.add_segments(catalog.photo_ids()[0].item(), made.made_addition(1))  # all get new ids
    assert_whole(catalog)
    keeper(catalog)._store.drop()
    assert keeper(catalog).rebuild().action == "rebuilt"
    assert_whole(catalog)


def test_only_what_is_new_is_sent(
    catalog: PostgresCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper(catalog).sync(writable=True)
    sent: list[int] = []
    put = MilvusVectors.put

    def counted(self: MilvusVectors, ids: np.ndarray, vectors: np.ndarray) -> None:
        sent.append(len(ids))
        put(self, ids, vectors)

    monkeypatch.setattr(MilvusVectors, "put", counted)
    before = catalog.counts().segments
    made.write(catalog, PHOTOS, PHOTOS + 1)
    keeper(catalog).sync(writable=True)
    assert sum(sent) == catalog.counts().segments - before


def test_what_broke_off_anywhere_is_done_by_the_next(
    catalog: PostgresCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_collection, "_ROWS", 3)
    keeper(catalog).sync(writable=True)
    made.write(catalog, PHOTOS, PHOTOS + 4)
    catalog.forget_files([made.made_stamp(n).path for n in range(4)])
    asks = allowed = 0
    ask = MilvusCollection._sent

    def counted(self: MilvusCollection, question: object) -> object:
        nonlocal asks
        asks += 1
        if asks > allowed:
            raise StorageError("broke off")
        return ask(self, question)

    for most in range(4, 40, 5):
        asks, allowed = 0, most
        with monkeypatch.context() as patch:
            patch.setattr(MilvusCollection, "_sent", counted)
            try:
                keeper(catalog).sync(writable=True)
            except StorageError:
                continue
            break
    else:
        pytest.fail("it never came to its end")
    assert allowed > 4
    assert_whole(catalog)


def test_a_process_that_is_killed_leaves_nothing_that_stays_wrong(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    for pause in (0.0, 0.15, 0.4):
        made.write(catalog, catalog.counts().photos + 50, catalog.counts().photos + 56)
        process = subprocess.Popen(
            [sys.executable, "-c", FOLLOWER, str(catalog.folder)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        time.sleep(pause)
        process.kill()
        process.wait()
        process.stdout.close()
        assert_whole(catalog)


def test_two_at_once_do_it_once_after_the_other(catalog: PostgresCatalog, made: ModuleType) -> None:
    failures: list[Exception] = []

    def follow() -> None:
        try:
            with open_catalog(catalog.folder, readonly=True) as reader:
                own = keeper_of(catalog.folder, reader)
                for _ in range(4):
                    own.sync(writable=True)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    made.write(catalog, PHOTOS, PHOTOS + 6)
    for thread in threads:
        thread.join()
    assert failures == []
    assert_whole(catalog)


def test_a_catalog_that_was_put_back_has_the_collection_made_anew(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    with catalog.database.reading() as connection:
        head = connection.execute("SELECT generation, revision, last_photo, last_segment FROM head")
        then = head.fetchone()
    made.write(catalog, PHOTOS, PHOTOS + 2)
    keeper(catalog).sync(writable=True)
    with catalog.database.alone() as connection:  # as a dump of then would leave it
        for statement in (
            "DELETE FROM segments WHERE id > %(s)s",
            "DELETE FROM vectors WHERE segment_id > %(s)s",
            "DELETE FROM photos WHERE id > %(p)s",
            "DELETE FROM revisions WHERE generation > %(g)s",
            "UPDATE head SET generation = %(g)s, revision = %(r)s, last_photo = %(p)s,"
            " last_segment = %(s)s",
        ):
            connection.execute(statement, dict(zip("grps", then, strict=True)))
    made.write(catalog, PHOTOS + 7, PHOTOS + 9)  # other photos under the same ids
    assert keeper(catalog).sync(writable=True).action == "rebuilt"
    assert_whole(catalog)


def test_what_the_catalog_lacks_is_no_answer(catalog: PostgresCatalog) -> None:
    own = keeper(catalog)
    own.sync(writable=True)
    question = Embeddings.unit(np.ones((1, 8)), made_space()).vectors
    own._store.begin(catalog.watermark)
    own._store.put(np.array([10**9]), question)  # as somebody's who reads a later state
    own._store.mark(catalog.watermark)
    assert 10**9 not in own.vectors().search(question[0], 5).ids.tolist()
    assert len(own.vectors().search(question[0], 5)) == 5
    assert own.problems() == ["the collection in Milvus lacks 0 segments and holds 1 that are gone"]


def test_a_server_that_is_away_is_an_error_and_no_half_answer(
    postgres_uri: str, made: ModuleType
) -> None:
    uri = f"{postgres_uri.replace('+pgvector', '+milvus')}&milvus=http://127.0.0.1:9"
    with create_catalog(index_folder(uri), made.MANIFEST) as catalog:
        made.write(catalog, 0, 2)
        kept = keeper_of(catalog.folder, catalog)
        with pytest.raises(StorageError, match="does not answer"):
            kept.vectors()
        note = kept.sync_if_behind()
        assert note.startswith("the collection in Milvus was not brought up to date")
        assert "\n" not in note


def test_a_uri_names_the_server_and_holds_no_secret_of_it() -> None:
    uri = "postgresql+milvus://db/photos?milvus=https://milvus.example:19530"
    location, _ = parsed(uri)
    assert location.store == "milvus"
    assert location.of_store("milvus") == "https://milvus.example:19530"
    assert location.of_store("milvus_index") == "HNSW"
    assert parsed("postgresql+milvus://db/photos")[0].of_store("milvus") == "http://127.0.0.1:19530"
    assert "milvus" not in location.parameters
    with pytest.raises(QueryError, match="holds a password") as refused:
        parsed("postgresql+milvus://db/photos?milvus=http://root:open-sesame@host:19530")
    assert "sesame" not in str(refused.value)
    with pytest.raises(QueryError, match="no parameter milvus"):
        parsed("postgresql+pgvector://db/photos?milvus=http://host:19530")
