"""Answers from an index of which rows are lost: right, or one line."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from searchengine import Filter, IndexDamaged, SearchEngine

Deed = Callable[[SearchEngine], object]


@pytest.fixture
def index(indexed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed, tmp_path / "index"))


@pytest.mark.parametrize("table", ["segments", "photos", "files"])
def test_lost_rows_are_told(index: Path, table: str) -> None:
    key = {"segments": "id", "photos": "id", "files": "photo_id"}[table]
    with closing(sqlite3.connect(index / "catalog.sqlite")) as database, database:
        gone = database.execute(f"DELETE FROM {table} WHERE {key} = 2").rowcount
    database.close()
    assert gone == 1
    with SearchEngine.open(index) as engine, pytest.raises(IndexDamaged, match="doctor --fix"):
        engine.search("red", k=50)


def test_a_date_or_a_camera_that_nobody_wrote_leaves_no_photo_out(index: Path) -> None:
    with closing(sqlite3.connect(index / "catalog.sqlite")) as database, database:
        database.execute("UPDATE photos SET taken_at = NULL, camera = 'Other' WHERE camera NOTNULL")
    database.close()
    with SearchEngine.open(index) as engine:
        for where in (Filter(camera="Acme"), Filter(after="2020-01-01")):
            with pytest.raises(IndexDamaged, match="doctor --fix"):
                engine.search("red", where=where)
