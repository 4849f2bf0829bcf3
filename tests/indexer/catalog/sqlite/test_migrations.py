from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine

from indexer.catalog.sqlite.database import Database
from indexer.catalog.sqlite.migrations import MIGRATIONS, migrate, version_of
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from indexer.catalog.sqlite.tables import Tables
from indexer.vectors.cache import FILE, synced_vectors
from indexer.vectors.cache_file import MAGIC, read_origin
from model.errors import IndexDamaged, IndexMissing, IndexTooNew

NEXT = len(MIGRATIONS) + 1


def next_one(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE photos ADD COLUMN stars INTEGER NOT NULL DEFAULT 3")


def one_that_fails(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE photos SET stars = 5")
    connection.exec_driver_sql("SELECT * FROM nowhere")


def version(database: Database) -> int:
    with database.reading() as connection:
        return version_of(connection)


def set_version(folder: Path, number: int) -> None:
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute(f"PRAGMA user_version = {number}")
    connection.close()


def described(connection: Connection) -> dict[str, object]:
    """All that SQLite says of each table."""

    def ask(pragma: str, name: str) -> list[tuple[object, ...]]:
        return [tuple(r) for r in connection.exec_driver_sql(f"PRAGMA {pragma}({name})")]

    tables = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).all()
    return {
        name: (
            [c[1:] for c in ask("table_info", name)],
            ask("foreign_key_list", name),
            [(i[1:], ask("index_info", str(i[1]))) for i in ask("index_list", name)],
            [words in sql.upper() for words in ("AUTOINCREMENT", "WITHOUT ROWID")],
        )
        for name, sql in tables
    }


def test_the_migrations_make_the_tables_that_are_declared(catalog: SqliteCatalog) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Tables.metadata.create_all(connection)
        declared = described(connection)
    engine.dispose()
    database = Database(catalog.folder / FILE_NAME)
    with database.reading() as connection:
        found = described(connection)
    database.close()
    assert len(found) == 9
    assert str(found).replace("TEXT", "VARCHAR") == str({name: declared[name] for name in found})


def test_an_older_version_is_brought_up_to_date(
    catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    database = Database(catalog.folder / FILE_NAME)
    monkeypatch.setattr("indexer.catalog.sqlite.migrations.MIGRATIONS", (*MIGRATIONS, next_one))
    assert migrate(database) == NEXT
    assert migrate(database) == NEXT
    with database.reading() as connection:
        stars = connection.exec_driver_sql("SELECT stars FROM photos").scalars().all()
    assert stars == [3, 3, 3]
    database.close()


def test_a_migration_that_fails_changes_nothing(
    catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    database = Database(catalog.folder / FILE_NAME)
    monkeypatch.setattr(
        "indexer.catalog.sqlite.migrations.MIGRATIONS", (*MIGRATIONS, next_one, one_that_fails)
    )
    with pytest.raises(IndexDamaged, match="nowhere"):
        migrate(database)
    assert version(database) == NEXT
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT max(stars) FROM photos").scalar_one() == 3
    database.close()


@pytest.mark.parametrize("readonly", [False, True])
def test_opening_an_older_catalog_migrates_it(
    catalog: SqliteCatalog, made: ModuleType, readonly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    catalog.close()
    monkeypatch.setattr("indexer.catalog.sqlite.migrations.MIGRATIONS", (*MIGRATIONS, next_one))
    with SqliteCatalog.open(catalog.folder, readonly=readonly) as reopened:
        assert reopened.schema_version == NEXT
        assert reopened.counts().photos == 3


def test_a_newer_catalog_is_left_alone(catalog: SqliteCatalog) -> None:
    catalog.close()
    set_version(catalog.folder, len(MIGRATIONS) + 1)
    before = (catalog.folder / FILE_NAME).read_bytes()
    for readonly in (False, True):
        with pytest.raises(IndexTooNew, match="upgrade segsearch"):
            SqliteCatalog.open(catalog.folder, readonly=readonly)
    database = Database(catalog.folder / FILE_NAME)
    with pytest.raises(IndexTooNew):
        migrate(database)
    database.close()
    assert (catalog.folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("readonly", [False, True])
def test_an_empty_file_is_no_index_yet(tmp_path: Path, made: ModuleType, readonly: bool) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(IndexMissing, match="segsearch index FOLDER --index"):
        SqliteCatalog.open(tmp_path, readonly=readonly)
    with SqliteCatalog.create(tmp_path, made.MANIFEST) as catalog:
        made.write(catalog, 0, 2)
        assert catalog.check() == []


def test_a_catalog_whose_making_was_cut_short_is_finished(tmp_path: Path, made: ModuleType) -> None:
    database = Database(tmp_path / FILE_NAME, create=True)
    migrate(database)
    database.close()
    with pytest.raises(IndexMissing):
        SqliteCatalog.open(tmp_path)
    SqliteCatalog.create(tmp_path, made.MANIFEST).close()
    with SqliteCatalog.open(tmp_path) as catalog:
        assert catalog.manifest == made.MANIFEST


def test_somebody_elses_database_is_left_alone(tmp_path: Path, made: ModuleType) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(IndexDamaged, match="not a catalog of segsearch"):
        SqliteCatalog.open(tmp_path)
    with pytest.raises(IndexDamaged, match="not a catalog of segsearch"):
        SqliteCatalog.create(tmp_path, made.MANIFEST)


PHOTOS = 30
FIRST_VERSION = """
UPDATE vectors SET vector = halves('segments', segment_id);
UPDATE photo_vectors SET vector = halves('photos', photo_id);
PRAGMA user_version = 1;
"""


@pytest.fixture
def first_version(catalog: SqliteCatalog, made: ModuleType) -> Path:
    """An index as version 1 wrote it: its tables are those of today, its vectors are float16."""
    made.write(catalog, 0, PHOTOS)
    catalog.close()
    rows = truth(made)

    def halves(table: str, row: int) -> bytes:
        return bytes(rows[table][row - 1].astype("<f2").tobytes())

    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    connection.create_function("halves", 2, halves)
    connection.executescript(FIRST_VERSION)
    connection.close()
    return catalog.folder


def truth(made: ModuleType) -> dict[str, np.ndarray]:
    """The vectors that the photos were made with, by table, in the order of ids."""
    photos = [made.made_photo(number) for number in range(PHOTOS)]
    return {
        "segments": np.concatenate([photo.embeddings.vectors for photo in photos]),
        "photos": np.concatenate([photo.photo_embedding.vectors for photo in photos]),
    }


def lengths(folder: Path) -> list[int]:
    connection = sqlite3.connect(folder / FILE_NAME)
    found = connection.execute(
        "SELECT DISTINCT length(vector) FROM"
        " (SELECT vector FROM vectors UNION ALL SELECT vector FROM photo_vectors)"
    )
    different = [length for (length,) in found]
    connection.close()
    return different


@pytest.mark.parametrize("readonly", [False, True])
def test_vectors_of_the_first_version_are_packed(
    first_version: Path, made: ModuleType, readonly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.catalog.sqlite.migrations._ROWS_AT_ONCE", 7)
    assert lengths(first_version) == [16]
    with SqliteCatalog.open(first_version, readonly=readonly) as catalog:
        assert catalog.check(full=True) == []
        ids = catalog.segment_ids()
        vectors = catalog.vectors_of(ids)
        wholes = np.stack([catalog.photo_vector(i + 1) for i in range(PHOTOS)])
    assert lengths(first_version) == [8]
    expected = truth(made)
    for found, right in ((vectors, expected["segments"]), (wholes, expected["photos"])):
        assert np.einsum("nd,nd->n", found, right).min() > 0.9999


def test_vectors_that_were_damaged_before_are_found_after(
    first_version: Path, made: ModuleType
) -> None:
    connection = sqlite3.connect(first_version / FILE_NAME)
    for segment_id, damage in ((7, "X'00'"), (9, "zeroblob(16)"), (11, "X'007e' || zeroblob(14)")):
        connection.execute(
            f"UPDATE vectors SET vector = CAST({damage} AS BLOB) WHERE segment_id = ?",
            (segment_id,),
        )
    connection.commit()
    connection.close()
    with SqliteCatalog.open(first_version) as catalog:
        rows = catalog.segments([7, 9, 11])
        photos = sorted({row.photo_id for row in rows.values()})
        told = [f"photo {i} has a vector that is not what it was" for i in photos]
        assert catalog.check() == told
        catalog.repair()
        assert catalog.check() == []
        assert catalog.counts().photos == PHOTOS - len(photos)


def test_the_cache_of_the_first_version_is_made_anew(first_version: Path, made: ModuleType) -> None:
    """What is searched is what the catalog holds, to the last bit."""
    path = first_version / FILE
    with SqliteCatalog.open(first_version) as catalog:
        synced_vectors(first_version, catalog, writable=True)
        # caches of that time ended otherwise
        path.write_bytes(path.read_bytes()[: -len(MAGIC)] + b"segvec01")
        _, report = synced_vectors(first_version, catalog, writable=True)
        assert (report.action, report.written, report.note) == ("rebuilt", True, "")
        assert read_origin(path).watermark == catalog.watermark


KILLED = """
import sys
import indexer.catalog.sqlite.migrations as migrations
from indexer.catalog import vector_codec
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog

migrations._ROWS_AT_ONCE = 5
pack = vector_codec.pack

def told(rows):
    print("packing", flush=True)
    return pack(rows)

vector_codec.pack = told
SqliteCatalog.open(sys.argv[1]).close()
print("done", flush=True)
sys.stdin.read()
"""


def started(code: str, folder: Path) -> subprocess.Popen[str]:
    """A process that tells how far it is with an index, and waits to be killed."""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("blocks", [1, 3, 9, 15])
def test_a_migration_that_is_killed_changes_nothing(
    first_version: Path, made: ModuleType, blocks: int
) -> None:
    process = started(KILLED, first_version)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(blocks)]
    assert lines == ["packing\n"] * blocks
    process.kill()
    process.communicate()
    assert lengths(first_version) in ([16], [8])  # the last block may just have been written
    with SqliteCatalog.open(first_version) as catalog:
        assert catalog.check(full=True) == []
        vectors = catalog.vectors_of(catalog.segment_ids())
    assert lengths(first_version) == [8]
    assert np.einsum("nd,nd->n", vectors, truth(made)["segments"]).min() > 0.9999


@pytest.fixture
def fourth_version(catalog: SqliteCatalog, made: ModuleType) -> Path:
    """An index as version 4 wrote it, which knew of no origins."""
    made.write(catalog, 0, 5)
    catalog.close()
    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    connection.executescript("DROP TABLE origins; PRAGMA user_version = 4;")
    connection.close()
    return catalog.folder


@pytest.mark.parametrize("readonly", [False, True])
def test_segments_of_the_fourth_version_were_found_by_indexing(
    fourth_version: Path, made: ModuleType, readonly: bool
) -> None:
    with SqliteCatalog.open(fourth_version, readonly=readonly) as catalog:
        assert catalog.schema_version == len(MIGRATIONS)
        rows = catalog.segments(catalog.segment_ids().tolist())
        assert len(rows) == 10
        assert {row.origin for row in rows.values()} == {None}
        assert catalog.counts().kept == 0
        assert catalog.check(full=True) == []
    with SqliteCatalog.open(fourth_version) as catalog:
        catalog.add_segments(2, made.made_addition(7))
        assert catalog.check(full=True) == []


def test_origins_outlive_a_version_that_was_set_back(
    catalog: SqliteCatalog, made: ModuleType
) -> None:
    made.write(catalog, 0, 3)
    new = catalog.add_segments(2, made.made_addition(7))
    catalog.close()
    for version in (1, 3, 4):
        set_version(catalog.folder, version)
        with SqliteCatalog.open(catalog.folder) as reopened:
            assert {row.origin for row in reopened.segments(new).values()} == {made.ORIGIN}
            assert reopened.check(full=True) == []


KILLED_BEFORE_COMMIT = """
import sys
import indexer.catalog.sqlite.migrations as migrations
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog

def waiting(connection):
    told(connection)
    print("made", flush=True)
    sys.stdin.read()

*others, told = migrations.MIGRATIONS
migrations.MIGRATIONS = (*others, waiting)
SqliteCatalog.open(sys.argv[1]).close()
"""


def test_a_migration_to_origins_that_is_killed_changes_nothing(fourth_version: Path) -> None:
    process = started(KILLED_BEFORE_COMMIT, fourth_version)
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    process.kill()
    process.communicate()
    connection = sqlite3.connect(fourth_version / FILE_NAME)
    assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    assert connection.execute("PRAGMA table_info(origins)").fetchall() == []
    connection.close()
    with SqliteCatalog.open(fourth_version) as catalog:
        assert catalog.schema_version == len(MIGRATIONS)
        assert catalog.check(full=True) == []
