"""Single values of rows are damaged: reading is right or says IndexDamaged, and so does a check."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from indexer.catalog.filter import Filter
from indexer.catalog.sqlite.seals import SEALED, seal_of, seal_of_vector
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from indexer.catalog.sqlite.tables import Tables
from model.errors import IndexDamaged, QueryError

VALUES: tuple[Any, ...] = (0, 2**40, 1e308, "x", b"\xff" * 16)
KEYS = {
    "photos": 5,
    "segments": 8,
    "vectors": 8,
    "photo_vectors": 5,
    "origins": 12,
    "files": None,
}
COLUMNS = [(table, column) for table in SEALED for column in SEALED[table]]


def test_every_column_is_under_its_seal() -> None:
    for table, columns in SEALED.items():
        declared = [column.name for column in Tables.metadata.tables[table].columns]
        assert sorted(declared) == sorted([*columns, "seal"])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, made: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "index"
    with SqliteCatalog.create(folder, made.MANIFEST) as catalog:
        made.write(catalog, 0, 6)
        assert catalog.add_segments(2, made.made_addition(7, 1)) == [12]
    return folder


def set_value(folder: Path, table: str, column: str, value: object) -> bool:
    key = SEALED[table][0]
    of = KEYS[table] or b"/photos/2024/img_0004.jpg"
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, of))
        connection.commit()
    except sqlite3.Error:
        return False  # SQLite itself would not have it
    finally:
        connection.close()
    return True


def read(folder: Path) -> list[object]:
    """Everything, as a search and an export would."""
    with SqliteCatalog.open(folder, readonly=True) as catalog:
        ids = catalog.segment_ids().tolist()
        segments = catalog.segments(ids)
        photos = catalog.photos({row.photo_id for row in segments.values()})
        return [
            segments,
            photos,
            [catalog.segments_of(i) for i in photos],
            [catalog.photo_vector(i).tolist() for i in photos],
            [vectors.tolist() for _, vectors in catalog.vector_blocks()],
            list(catalog.files()),
            catalog.counts(),
        ]


def carried(folder: Path) -> dict[bytes, bytes]:
    """Checksums of everything, as a migration carries it."""
    with SqliteCatalog.open(folder, readonly=True) as catalog:
        catalog.kept_photos()  # which a migration asks first
        found = catalog.whole_photos(catalog.photo_ids().tolist())
        sums = {key: value for some in found for key, value in some.checksums().items()}
        if len(sums) < catalog.counts().photos:  # which a migration compares
            raise IndexDamaged("a photo is lost")
        return sums


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_damaged_value_is_told_found_and_dropped(
    template: Path, tmp_path: Path, table: str, column: str
) -> None:
    expected = read(template)
    as_carried = carried(template)
    for number, value in enumerate(VALUES):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        if not set_value(folder, table, column, value):
            continue
        try:
            right = read(folder) == expected
        except (IndexDamaged, QueryError):  # QueryError: a row that is asked for is gone
            right = False
        try:
            assert carried(folder) == as_carried
        except IndexDamaged:
            assert not right
        with SqliteCatalog.open(folder) as catalog:
            assert bool(catalog.check(full=True)) != right, (value, catalog.check(full=True))
            catalog.repair(full=True)
            assert catalog.check(full=True) == [], value
            assert catalog.counts().photos >= 4
        read(folder)


def test_what_was_sealed_by_others_is_carried_right_or_told(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(template, folder)
    told = 0
    for table in ("photos", "segments", "vectors", "photo_vectors"):
        for column in SEALED[table][1:]:
            for value in (*VALUES, -1, 1.5, None):
                with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
                    connection.execute("PRAGMA ignore_check_constraints = ON")
                    key = SEALED[table][0]
                    ((before,),) = connection.execute(
                        f"SELECT {column} FROM {table} WHERE {key} = ?", (KEYS[table],)
                    )
                    for put in (value, before):
                        try:
                            connection.execute(
                                f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
                                (put, KEYS[table]),
                            )
                        except sqlite3.Error:
                            break  # SQLite itself would not have it
                        _seal(connection, table)
                        connection.commit()
                        if put is value:
                            with suppress(IndexDamaged):
                                carried(folder)
                                told -= 1
                            told += 1
    assert told > 60
    assert carried(folder) == carried(template)


def _seal(connection: sqlite3.Connection, table: str) -> None:
    key, columns = SEALED[table][0], ", ".join(SEALED[table])
    (row,) = connection.execute(f"SELECT {columns} FROM {table} WHERE {key} = ?", (KEYS[table],))
    seal = seal_of(row) if not table.endswith("vectors") else seal_of_vector(*row)
    connection.execute(f"UPDATE {table} SET seal = ? WHERE {key} = ?", (seal, KEYS[table]))


CONDITIONS = (
    ("photos", "taken_at", Filter(after=datetime(2023, 1, 1))),
    ("photos", "taken_at", Filter(before=datetime(2030, 1, 1))),
    ("photos", "camera", Filter(camera="o")),
    ("photos", "frame_height", Filter(min_area=1e-9)),
    ("files", "path", Filter(path_glob="/photos/*")),
    ("files", "name_start", Filter(path_glob="img_0004.jpg")),
    ("files", "photo_id", Filter(path_glob="/photos/*")),
)


@pytest.mark.parametrize(("table", "column", "conditions"), CONDITIONS)
def test_no_photo_is_left_out_for_what_nobody_wrote(
    template: Path, tmp_path: Path, table: str, column: str, conditions: Filter
) -> None:
    damaged = 0
    for number, value in enumerate((7, "2001-01-01 00:00:00.000000", b"/elsewhere/x.jpg")):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        if not set_value(folder, table, column, value):
            continue
        with (
            SqliteCatalog.open(folder, readonly=True) as catalog,
            pytest.raises(IndexDamaged, match="doctor --fix"),
        ):
            catalog.segment_ids(conditions)
        damaged += 1
    assert damaged


def test_a_photo_whose_file_is_lost_is_told(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(template, folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as database, database:
        database.execute("DELETE FROM files WHERE photo_id = 5")
    with SqliteCatalog.open(folder, readonly=True) as catalog:
        for deed in (
            lambda: catalog.photos([5]),
            lambda: catalog.segment_ids(Filter(path_glob="/photos/*")),
        ):
            with pytest.raises(IndexDamaged, match=r"photo 5 .* has no file"):
                deed()


@pytest.mark.parametrize("value", [1.5, "text", b""])
def test_a_root_that_is_no_path_is_told_and_forgotten(
    template: Path, tmp_path: Path, value: object
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(template, folder)
    with SqliteCatalog.open(folder) as catalog:
        catalog.remember_root("/photos")
    with closing(sqlite3.connect(folder / FILE_NAME)) as database, database:
        database.execute("UPDATE roots SET path = ?", (value,))
    with SqliteCatalog.open(folder) as catalog:
        with pytest.raises(IndexDamaged, match="doctor --fix"):
            catalog.roots()
        assert len(catalog.check(full=True)) == 1
        catalog.repair(full=True)
        assert catalog.roots() == []
        assert catalog.check(full=True) == []
