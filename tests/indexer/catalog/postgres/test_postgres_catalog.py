"""What only a catalog in PostgreSQL has to promise; the rest is the contract's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from postgres_server import GUARDED

from indexer.backends import create_catalog, open_catalog
from indexer.catalog.filter import Filter
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.location import index_folder, location_of
from model.errors import (
    IndexDamaged,
    IndexReadOnly,
    IndexTooNew,
    StorageAway,
    StorageError,
    StorageFull,
)

if TYPE_CHECKING:
    from postgres_server import OwnServer

    from indexer.catalog.postgres.postgres_catalog import PostgresCatalog


@pytest.fixture
def catalog(postgres_uri: str, made: ModuleType) -> Iterator[PostgresCatalog]:
    with create_catalog(index_folder(postgres_uri), made.MANIFEST) as created:
        yield created


def run(catalog: PostgresCatalog, statement: str) -> Any:
    """A statement behind the catalog's back."""
    with catalog.database.alone() as connection:
        return connection.execute(statement)


def test_it_answers_as_the_embedded_one_does(
    catalog: PostgresCatalog, made: ModuleType, tmp_path: Path
) -> None:
    with SqliteCatalog.create(tmp_path / "embedded", made.MANIFEST) as embedded:
        for each in (catalog, embedded):
            made.write(each, 0, 24)
            each.add_segments(5, made.made_addition(9))
            each.forget_files([made.made_stamp(7).path])
            each.add_photo(made.made_photo(3), replace(made.made_stamp(3), path="/é/ñ 'x'.JPG"))
        ids = embedded.segment_ids()
        assert catalog.segment_ids().tolist() == ids.tolist()
        assert catalog.segments(ids.tolist()) == embedded.segments(ids.tolist())
        everything = embedded.photo_ids().tolist()
        assert catalog.photos(everything) == embedded.photos(everything)
        np.testing.assert_array_equal(catalog.vectors_of(ids), embedded.vectors_of(ids))
        for photo_id in everything[:3]:
            np.testing.assert_array_equal(
                catalog.photo_vector(photo_id), embedded.photo_vector(photo_id)
            )
        for one, other in (
            (catalog.photo_columns(), embedded.photo_columns()),
            (catalog.segment_columns(4), embedded.segment_columns(4)),
        ):
            for name, column in vars(one).items():
                np.testing.assert_array_equal(column, getattr(other, name), err_msg=name)
        for conditions in (
            Filter(path_glob="*.jpg"), Filter(path_glob="e\u0301/"),
            Filter(path_glob="img_000[1-7].*"),
            Filter(path_glob="[", after="2023-01-03"), Filter(camera="É", min_area=0.01),
            Filter(near=(1.0, -2.0, 200.0), max_area=0.2), Filter(places=("left", "top right")),
            Filter(places=("middle",), photo_ids=(3, 4, 2**70)),
            Filter(before="2023-01-09", format="jpeg"),
        ):  # fmt: skip
            wanted = embedded.segment_ids(conditions).tolist()
            assert catalog.segment_ids(conditions).tolist() == wanted, conditions
        assert list(catalog.files()) == list(embedded.files())
        assert list(catalog.files("/photos/2021")) == list(embedded.files("/photos/2021"))
        assert catalog.counts() == embedded.counts()


def test_several_write_at_once(catalog: PostgresCatalog, made: ModuleType) -> None:
    def write(first: int) -> None:
        with open_catalog(catalog.folder) as mine:
            for number in range(30):  # all write the same photos, in other orders
                mine.add_photo(
                    made.made_photo((number + first) % 30),
                    replace(made.made_stamp(number), path=f"/{first}/{(number + first) % 30}"),
                )

    threads = [threading.Thread(target=write, args=(10 * k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = catalog.counts()
    assert (counts.photos, counts.files, counts.segments) == (30, 90, sum(n % 5 for n in range(30)))
    assert catalog.segment_ids().tolist() == list(range(1, counts.segments + 1))
    assert catalog.generation == 90
    assert catalog.check(full=True) == []


def test_two_that_make_it_at_once_make_one(postgres_uri: str, made: ModuleType) -> None:
    folder, outcomes = index_folder(postgres_uri), list[str]()

    def create() -> None:
        try:
            create_catalog(folder, made.MANIFEST).close()
            outcomes.append("made")
        except StorageError as error:
            outcomes.append(str(error).partition(" in ")[0])

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["there is an index"] * 3


def test_a_snapshot_is_of_one_commit(catalog: PostgresCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    with open_catalog(catalog.folder, readonly=True) as reader:
        with reader.snapshot():
            before = reader.counts(), reader.watermark
            catalog.add_photo(made.made_photo(9), made.made_stamp(9))
            assert (reader.counts(), reader.watermark) == before
        assert reader.counts().photos == 4
        with pytest.raises(IndexReadOnly):
            reader.remember_root("/photos")


def test_a_server_that_restarts_loses_and_doubles_nothing(
    catalog: PostgresCatalog, made: ModuleType, postgres_server: OwnServer
) -> None:
    failures = list[Exception]()

    def write() -> None:
        try:
            made.write(catalog, 0, 60)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for mode in ("fast", "immediate"):
        postgres_server.stop(mode)
        postgres_server.start()
    thread.join()
    assert failures == []
    assert catalog.counts().photos == 60
    assert catalog.check(full=True) == []
    assert catalog.segment_ids().tolist() == list(range(1, 121))


def test_what_the_server_refuses_is_one_line(catalog: PostgresCatalog, made: ModuleType) -> None:
    run(
        catalog,
        "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION"
        " E'no space\\nleft' USING ERRCODE = TG_ARGV[0]; END $$ LANGUAGE plpgsql",
    )
    for code, kind in (
        ("53100", StorageFull), ("42501", IndexReadOnly), ("XX001", IndexDamaged),
        ("57014", StorageError), ("22003", OverflowError),
    ):  # fmt: skip
        run(
            catalog,
            "CREATE OR REPLACE TRIGGER refused BEFORE INSERT ON photos"
            f" EXECUTE FUNCTION refuse('{code}')",
        )
        with pytest.raises(kind) as told:
            catalog.add_photo(made.made_photo(3), made.made_stamp(3))
        assert type(told.value) is kind
        assert "\n" not in str(told.value)
    run(catalog, "DROP TRIGGER refused ON photos")
    assert catalog.counts().photos == 0
    assert catalog.watermark.generation == 0
    catalog.add_photo(made.made_photo(3), made.made_stamp(3))
    assert catalog.check(full=True) == []


def test_who_is_not_let_in_is_told_so(
    catalog: PostgresCatalog, postgres_server: OwnServer, postgres_uri: str
) -> None:
    run(catalog, f"DROP ROLE IF EXISTS {GUARDED}")
    run(catalog, f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'sesame'")
    as_guarded = postgres_uri.replace("postgres@", f"{GUARDED}:wrong%20sesame@")
    for uri in (as_guarded, as_guarded.replace(":wrong%20sesame", "")):
        with pytest.raises(StorageError, match="PGPASSWORD") as told:
            open_catalog(index_folder(uri))
        assert "sesame" not in str(told.value)
        location = location_of(index_folder(uri))
        assert location is not None
    with pytest.raises(StorageError, match="does not know"):
        open_catalog(index_folder(postgres_uri.replace("postgres@", "nobody@")))
    let_in = as_guarded.replace("wrong%20", "")
    with pytest.raises(StorageError):  # in, but without rights on the schema
        open_catalog(index_folder(let_in))
    schema = catalog.database.location.schema
    run(catalog, f"GRANT USAGE ON SCHEMA {schema} TO {GUARDED}")
    run(catalog, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {GUARDED}")
    with open_catalog(index_folder(let_in)) as reader:
        assert reader.counts().photos == 0
        with pytest.raises(IndexReadOnly, match="permission denied"):
            reader.remember_root("/photos")
    run(catalog, f"DROP OWNED BY {GUARDED}")
    run(catalog, f"DROP ROLE {GUARDED}")


def test_a_server_that_is_away_is_told_so(postgres_uri: str, tmp_path: Path) -> None:
    host = postgres_uri.partition("host=")[2].partition("&")[0]
    away = postgres_uri.replace(host, str(tmp_path))
    with pytest.raises(StorageAway, match="does not answer"):
        open_catalog(index_folder(away))


def test_another_index_in_its_place_is_noticed(catalog: PostgresCatalog, made: ModuleType) -> None:
    run(catalog, "UPDATE manifest SET value = 'other' WHERE key = 'catalog_id'")
    with pytest.raises(StorageError, match="made anew"):
        _ = catalog.watermark
    run(catalog, "UPDATE manifest SET value = '99' WHERE key = 'version'")
    with pytest.raises(IndexTooNew):
        open_catalog(catalog.folder)
    run(catalog, "DELETE FROM manifest WHERE key = 'space'")
    run(catalog, "UPDATE manifest SET value = '1' WHERE key = 'version'")
    with pytest.raises(IndexDamaged, match="manifest"):
        open_catalog(catalog.folder)


def test_what_is_damaged_is_seen_told_and_dropped(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    ids = [catalog.add_photo(made.made_photo(n), made.made_stamp(n)) for n in (3, 4, 8, 9, 13, 14)]
    run(catalog, f"UPDATE segments SET area = area + 1 WHERE photo_id = {ids[0]}")
    run(catalog, f"UPDATE photos SET segment_count = 3 WHERE id = {ids[1]}")
    run(catalog, f"UPDATE segments SET parent = 7 WHERE photo_id = {ids[2]}")
    run(catalog, f"DELETE FROM files WHERE photo_id = {ids[3]}")
    run(
        catalog,
        "UPDATE vectors SET vector = vector + '[1,0,0,0,0,0,0,0]' WHERE segment_id ="
        f" (SELECT min(id) FROM segments WHERE photo_id = {ids[4]})",
    )
    for photo_id in ids[:3]:
        with pytest.raises(IndexDamaged, match=f"photo {photo_id} "):
            catalog.segments_of(photo_id)
    with pytest.raises(IndexDamaged, match="no file"):
        catalog.photos([ids[3]])
    for photo_id in ids[:5]:
        with pytest.raises(IndexDamaged, match=f"photo {photo_id} "):
            list(catalog.whole_photos([photo_id]))
    problems = catalog.check(full=True)
    assert [line.split()[1] for line in problems] == [str(i) for i in ids[:5]]
    assert len(catalog.repair(full=True)) == 5
    assert catalog.check(full=True) == []
    assert catalog.photo_ids().tolist() == ids[5:]


def test_text_that_no_column_holds_is_taken_without_it(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    photo = made.made_photo(2)
    photo = replace(photo, header=replace(photo.header, camera="a\0b"))
    photo_id = catalog.add_photo(photo, replace(made.made_stamp(2), path="/odd\udcff\n.jpg"))
    row = catalog.photos([photo_id])[photo_id]
    assert (row.camera, row.path) == ("ab", "/odd\udcff\n.jpg")
    assert len(catalog.segment_ids(Filter(path_glob="*odd\udcff?.jpg"))) == 2
    assert len(catalog.segment_ids(Filter(path_glob="*odd\udcfe?.jpg"))) == 0


def test_facts_about_the_server_are_told(catalog: PostgresCatalog) -> None:
    facts = catalog.server()
    assert facts["database"] == catalog.database.location.uri
    assert facts["server"].startswith("18")
    assert facts["pgvector"] >= "0.8"
    assert facts["checksums"] == "on"
    assert facts["size"].endswith("kB")


def test_a_folder_is_a_range_of_the_index_of_paths(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    from indexer.catalog.postgres.conditions import conditions_of

    made.write(catalog, 0, 10)
    with catalog.database.reading() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")  # which is quicker for so few
        chosen = conditions_of(connection, Filter(path_glob="/photos/2021/*"))
        plan = connection.execute(
            f"EXPLAIN SELECT id FROM photos AS p WHERE {chosen.where}", chosen.values
        )
        told = "\n".join(line for (line,) in plan)
    assert "on files_pkey" in told or "using files_pkey" in told
    assert "Index Cond: ((path >= " in told
