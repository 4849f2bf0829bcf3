from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from indexer.catalog.sqlite import additions
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from indexer.vectors.cache import synced_vectors, vector_problems
from model.errors import IndexDamaged, StorageError


@pytest.fixture
def written(catalog: SqliteCatalog, made: ModuleType) -> SqliteCatalog:
    """Ten photos; the fifth has the segments 7 to 10."""
    made.write(catalog, 0, 10)
    return catalog


def everything(folder: Path) -> list[list[Any]]:
    connection = sqlite3.connect(folder / FILE_NAME)
    tables = ("photos", "segments", "vectors", "photo_vectors", "origins", "revisions")
    rows = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    connection.close()
    return rows


def test_what_fails_on_the_way_changes_nothing(
    written: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(written.folder)
    seal = additions.seal_rows

    def failing(connection: object, table: str, *rest: object) -> None:
        if table == "origins":
            raise KeyboardInterrupt
        seal(connection, table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(additions, "seal_rows", failing)
    with pytest.raises(KeyboardInterrupt):
        written.add_segments(5, made.made_addition(7))
    assert everything(written.folder) == before


def test_no_photo_gets_more_segments_than_one_can_have(
    written: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(written.folder)
    monkeypatch.setattr("indexer.catalog.addition.MOST_SEGMENTS", 5)
    assert len(written.add_segments(5, made.made_addition(7, 1))) == 1
    with pytest.raises(StorageError, match="photo 5 has 5 segments"):
        written.add_segments(5, made.made_addition(7, 1))
    monkeypatch.setattr(additions, "LARGEST_ID", 20)
    with pytest.raises(StorageError, match="no more can be added"):
        written.add_segments(2, made.made_addition(7, 1))
    assert everything(written.folder)[:1] != before[:1]
    assert written.check(full=True) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE segments SET quality = 0.125 WHERE id = 8",
        "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE segment_id = 1)"
        " WHERE segment_id = 8",
        "UPDATE photos SET camera = 'other' WHERE id = 5",
    ],
)
def test_damage_gets_no_seal(written: SqliteCatalog, made: ModuleType, damage: str) -> None:
    connection = sqlite3.connect(written.folder / FILE_NAME)
    connection.execute(damage)
    connection.commit()
    connection.close()
    before = everything(written.folder)
    with pytest.raises(IndexDamaged, match="photo 5"):
        written.add_segments(5, made.made_addition(7))
    assert everything(written.folder) == before


def test_the_cache_of_vectors_follows(written: SqliteCatalog, made: ModuleType) -> None:
    synced_vectors(written.folder, written, writable=True)
    new = written.add_segments(2, made.made_addition(27))
    store, report = synced_vectors(written.folder, written, writable=True)
    assert (report.action, report.written, report.note) == ("mended", True, "")
    assert store.ids().tolist() == written.segment_ids().tolist()
    question = written.vectors_of(new[:1])[0]
    (hits,) = store.search_many(question[None], 1)
    assert hits.ids.tolist() == new[:1]
    assert np.allclose(hits.scores, 1, atol=1e-3)
    assert vector_problems(written.folder, written) == []
