from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Connection, create_engine

from indexer.catalog import FILE_NAME, Catalog
from indexer.database import Database
from indexer.migrations import MIGRATIONS, migrate, version_of
from indexer.tables import Tables
from model.errors import IndexDamaged, IndexMissing, IndexTooNew


def second(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE photos ADD COLUMN stars INTEGER NOT NULL DEFAULT 3")


def third(connection: Connection) -> None:
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


def test_the_migrations_make_the_tables_that_are_declared(catalog: Catalog) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Tables.metadata.create_all(connection)
        declared = described(connection)
    engine.dispose()
    database = Database(catalog.folder / FILE_NAME)
    with database.reading() as connection:
        found = described(connection)
    database.close()
    assert len(found) == 8
    assert str(found).replace("TEXT", "VARCHAR") == str({name: declared[name] for name in found})


def test_version_one_is_brought_up_to_date(
    catalog: Catalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    database = Database(catalog.folder / FILE_NAME)
    monkeypatch.setattr("indexer.migrations.MIGRATIONS", (*MIGRATIONS, second))
    assert migrate(database) == 2
    assert migrate(database) == 2
    with database.reading() as connection:
        stars = connection.exec_driver_sql("SELECT stars FROM photos").scalars().all()
    assert stars == [3, 3, 3]
    database.close()


def test_a_migration_that_fails_changes_nothing(
    catalog: Catalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    database = Database(catalog.folder / FILE_NAME)
    monkeypatch.setattr("indexer.migrations.MIGRATIONS", (*MIGRATIONS, second, third))
    with pytest.raises(IndexDamaged, match="nowhere"):
        migrate(database)
    assert version(database) == 2
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT max(stars) FROM photos").scalar_one() == 3
    database.close()


@pytest.mark.parametrize("readonly", [False, True])
def test_opening_an_older_catalog_migrates_it(
    catalog: Catalog, made: ModuleType, readonly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 3)
    catalog.close()
    monkeypatch.setattr("indexer.migrations.MIGRATIONS", (*MIGRATIONS, second))
    with Catalog.open(catalog.folder, readonly=readonly) as reopened:
        assert reopened.schema_version == 2
        assert reopened.counts().photos == 3


def test_a_newer_catalog_is_left_alone(catalog: Catalog) -> None:
    catalog.close()
    set_version(catalog.folder, len(MIGRATIONS) + 1)
    before = (catalog.folder / FILE_NAME).read_bytes()
    for readonly in (False, True):
        with pytest.raises(IndexTooNew, match="upgrade segsearch"):
            Catalog.open(catalog.folder, readonly=readonly)
    database = Database(catalog.folder / FILE_NAME)
    with pytest.raises(IndexTooNew):
        migrate(database)
    database.close()
    assert (catalog.folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("readonly", [False, True])
def test_an_empty_file_is_no_index_yet(tmp_path: Path, made: ModuleType, readonly: bool) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(IndexMissing, match="segsearch index FOLDER --index"):
        Catalog.open(tmp_path, readonly=readonly)
    with Catalog.create(tmp_path, made.MANIFEST) as catalog:
        made.write(catalog, 0, 2)
        assert catalog.check() == []


def test_a_catalog_whose_making_was_cut_short_is_finished(tmp_path: Path, made: ModuleType) -> None:
    database = Database(tmp_path / FILE_NAME, create=True)
    migrate(database)
    database.close()
    with pytest.raises(IndexMissing):
        Catalog.open(tmp_path)
    Catalog.create(tmp_path, made.MANIFEST).close()
    with Catalog.open(tmp_path) as catalog:
        assert catalog.manifest == made.MANIFEST


def test_somebody_elses_database_is_left_alone(tmp_path: Path, made: ModuleType) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(IndexDamaged, match="not a catalog of segsearch"):
        Catalog.open(tmp_path)
    with pytest.raises(IndexDamaged, match="not a catalog of segsearch"):
        Catalog.create(tmp_path, made.MANIFEST)
