from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.sqlite import database as databases
from indexer.catalog.sqlite.recovery import DAMAGED, rescue
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from model.errors import IndexDamaged, StorageFull

PHOTOS = 12


@pytest.fixture
def file(catalog: SqliteCatalog, made: ModuleType) -> Path:
    """A catalog of 12 photos, closed."""
    made.write(catalog, 0, PHOTOS)
    catalog.close()
    return catalog.folder / FILE_NAME


def held(folder: Path) -> list[object]:
    """All that is remembered of photos, segments and vectors."""
    with SqliteCatalog.open(folder) as catalog:
        assert catalog.check(full=True) == []
        ids = catalog.segment_ids().tolist()
        photos = catalog.photos(range(1, 100))
        return [photos, catalog.segments(ids), catalog.vectors_of(ids).tolist()]


def write_at(file: Path, offset: int, value: bytes) -> None:
    with file.open("rb+") as stream:
        stream.seek(offset)
        stream.write(value)


@pytest.mark.parametrize("offset", [0, 16, 18, 20, 22, 30, 36, 44, 47, 56, 59, 64, 66, 68, 105])
def test_a_byte_of_the_header_is_set_right(file: Path, offset: int) -> None:
    expected = held(file.parent)
    before = file.read_bytes()
    write_at(file, offset, bytes([before[offset] ^ 0xFF]))
    rescue(file)
    assert held(file.parent) == expected


@pytest.mark.parametrize("version", [-3, 0, 123_456])
def test_a_version_that_never_was_is_set_right(file: Path, version: int) -> None:
    expected = held(file.parent)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    for readonly in (True, False):
        with pytest.raises(IndexDamaged, match="doctor --fix"):
            SqliteCatalog.open(file.parent, readonly=readonly)
    assert rescue(file) == ["set the version of the schema right"]
    assert held(file.parent) == expected


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_version_set_back_changes_nothing(file: Path, version: int) -> None:
    expected = held(file.parent)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    assert held(file.parent) == expected


def test_names_that_are_no_text_are_told_and_mended(file: Path) -> None:
    """SQLite quotes them in its message, which Python then cannot read."""
    expected = held(file.parent)
    before = file.read_bytes()
    unreadable = 0
    for name in (b"photos_by_pixels", b"segments_by_area", b"photo_vectors", b"files"):
        at = before.index(name)  # in the row of the schema, before its statement
        write_at(file, at + 2, b"\xff")
        for readonly in (True, False):
            try:
                SqliteCatalog.open(file.parent, readonly=readonly).close()
            except IndexDamaged as error:
                unreadable += "names that are no text" in str(error)
        rescue(file)
        assert held(file.parent) == expected
        for leftover in file.parent.glob(f"{FILE_NAME}-*"):
            leftover.unlink()
        file.write_bytes(before)
    assert unreadable


def test_pages_that_cannot_be_read_are_gone_around(file: Path) -> None:
    expected = held(file.parent)
    with closing(sqlite3.connect(file)) as connection, connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'photo_vectors'"
        ).fetchone()
    connection.close()
    write_at(file, (root - 1) * 4096, b"\xaa" * 4096)
    (line,) = rescue(file)
    assert line.startswith("carried 12 photos into a new file, row by row")
    assert (file.parent / DAMAGED / FILE_NAME).is_file()
    with SqliteCatalog.open(file.parent) as catalog:
        assert catalog.photos(range(1, 100)) == expected[0]
        assert "photo 1 lacks a vector" in catalog.check()
        catalog.repair(full=True)
        assert catalog.check(full=True) == []


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500])
def test_what_is_no_catalog_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(IndexDamaged):
        rescue(file)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [FILE_NAME]


def test_somebody_elses_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = file.read_bytes()
    for deed in (SqliteCatalog.open, lambda folder: rescue(folder / FILE_NAME)):
        with pytest.raises(IndexDamaged):
            deed(tmp_path)
    assert file.read_bytes() == before


def test_an_older_schema_is_opened_aside(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = file.read_bytes()
    aside = tmp_path / "aside"
    aside.mkdir()
    with SqliteCatalog.open(file.parent, readonly=True, aside=aside) as catalog:
        assert catalog.counts().photos == PHOTOS
    assert file.read_bytes() == before


def test_without_shared_memory_the_rollback_journal_is_used(
    file: Path, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = held(file.parent)
    monkeypatch.setattr("indexer.catalog.sqlite.journal.shares_memory", lambda folder: False)
    assert held(file.parent) == expected
    with SqliteCatalog.open(file.parent) as catalog:
        made.write(catalog, PHOTOS, PHOTOS + 3)
        assert not file.with_name(FILE_NAME + "-shm").exists()
        with SqliteCatalog.open(file.parent, readonly=True) as reader:
            assert reader.counts().photos == PHOTOS + 3
    copied = file.parent.with_name("elsewhere")
    shutil.copytree(file.parent, copied)
    monkeypatch.undo()
    with SqliteCatalog.open(copied) as catalog:
        assert catalog.check(full=True) == []


def test_a_full_disk_without_shared_memory_can_be_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(databases, "leave_shared_memory", full)
    with SqliteCatalog.open(file.parent, readonly=True) as reader:
        assert reader.counts().photos == PHOTOS
        assert not file.with_name(FILE_NAME + "-shm").exists()
