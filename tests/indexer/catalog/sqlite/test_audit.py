from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from model.errors import IndexDamaged


@pytest.fixture
def sound(catalog: SqliteCatalog, made: ModuleType) -> SqliteCatalog:
    made.write(catalog, 0, 10)
    assert catalog.check(full=True) == []
    return catalog


def harm(catalog: SqliteCatalog, *statements: str) -> None:
    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    for statement in statements:
        assert connection.execute(statement).rowcount != 0, statement
    connection.commit()
    connection.close()


# photo 5 is made from number 4: segments 7 to 10, of which the second is part of the first
DAMAGE = {
    "has no file": ["DELETE FROM files WHERE photo_id = 5"],
    "lacks a vector": ["DELETE FROM vectors WHERE segment_id = 8"],
    "has other segments than it says": [
        "DELETE FROM segments WHERE id = 8",
        "DELETE FROM vectors WHERE segment_id = 8",
    ],
    "has a segment that is part of nothing in it": ["UPDATE segments SET parent = 4 WHERE id = 8"],
    "has a vector of another length": [
        "UPDATE vectors SET vector = substr(vector, 3) WHERE segment_id = 8"
    ],
    "has a vector that is not what it was": [
        "UPDATE vectors SET vector = zeroblob(length(vector)) WHERE segment_id = 8"
    ],
    "has masks that are not what they were": ["UPDATE segments SET area = area + 1 WHERE id = 8"],
}


@pytest.mark.parametrize("problem", DAMAGE)
def test_a_broken_photo_is_found_and_dropped(sound: SqliteCatalog, problem: str) -> None:
    harm(sound, *DAMAGE[problem])
    generation = sound.generation
    assert sound.check(full=True) == [f"photo 5 {problem}"]
    assert sound.repair(full=True) == [
        "dropped 1 broken photos; index again to make them anew",
    ]
    assert sound.check(full=True) == []
    assert sound.counts().photos == 9
    assert sound.generation > generation
    assert "/photos/2024/img_0004.jpg" not in [file.stamp.path for file in sound.files()]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE photo_vectors SET vector = CAST(X'80' || substr(vector, 2) AS BLOB)"
        " WHERE photo_id = 5",
        "UPDATE photo_vectors SET vector = substr(vector, 3) WHERE photo_id = 5",
        "DELETE FROM photo_vectors WHERE photo_id = 5",
        "UPDATE segments SET counts = 'nonsense' WHERE id = 8",
        "UPDATE segments SET counts = '' WHERE id = 8",
        "UPDATE segments SET counts = X'ff00ff' WHERE id = 8",
        "UPDATE photos SET frame_height = frame_height + 1 WHERE id = 5",
        "UPDATE photos SET first_segment = first_segment + 1 WHERE id = 5",
        "UPDATE photos SET segment_count = 0 WHERE id = 5",
        "UPDATE segments SET parent = 1 WHERE id = 8",
    ],
)
def test_other_damage_is_of_that_photo_too(sound: SqliteCatalog, damage: str) -> None:
    harm(sound, damage)
    problems = sound.check(full=True)
    assert problems
    assert all(line.startswith("photo 5 ") for line in problems)
    sound.repair(full=True)
    assert sound.check(full=True) == []
    assert sound.counts().photos == 9


def test_text_where_bytes_belong_is_told(sound: SqliteCatalog) -> None:
    harm(sound, "UPDATE photo_vectors SET vector = CAST(X'ff' AS TEXT) WHERE photo_id = 5")
    with pytest.raises(IndexDamaged, match=r"photo 5 .*doctor --fix"):
        sound.photo_vector(5)
    assert sound.check() == ["photo 5 has a vector of another length"]


def test_a_sound_catalog_is_left_alone(sound: SqliteCatalog) -> None:
    generation = sound.generation
    assert sound.repair() == []
    assert sound.generation == generation


def test_rows_without_photo_are_dropped(sound: SqliteCatalog) -> None:
    harm(sound, "DELETE FROM photos WHERE id = 5")  # foreign keys are off for others
    assert sound.check(full=True) == [
        "1 rows of files belong to no photo",
        "1 rows of photo_vectors belong to no photo",
        "4 rows of segments belong to no photo",
    ]
    assert sound.repair() == [
        "dropped 4 rows of segments that belonged to no photo",
        "dropped 1 rows of photo_vectors that belonged to no photo",
        "dropped 1 rows of files that belonged to no photo",
    ]
    assert sound.check(full=True) == []


def test_an_index_of_sqlite_that_lies_is_made_anew(sound: SqliteCatalog) -> None:
    harm(
        sound,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX segments_by_area ON segments (area, id)'"
        " WHERE name = 'segments_by_area'",
    )
    sound.close()
    with SqliteCatalog.open(sound.folder) as reopened:
        assert any(line.startswith("SQLite's own check") for line in reopened.check())
        assert "made SQLite's indexes anew" in reopened.repair()
        assert reopened.check(full=True) == []


@contextmanager
def unseen(folder: Path, index: str) -> Iterator[sqlite3.Connection]:
    """A connection that does not know an index of SQLite, and so leaves it as it is."""
    path = folder / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute(
            "SELECT * FROM sqlite_schema WHERE name = ?", (index,)
        ).fetchall()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = ?", (index,))
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
        connection.commit()


def test_what_a_lying_index_hid_is_mended_with_it(sound: SqliteCatalog) -> None:
    sound.close()
    with unseen(sound.folder, "files_by_photo") as connection:  # it still holds the file's row
        assert connection.execute("DELETE FROM files WHERE photo_id = 5").rowcount
    with SqliteCatalog.open(sound.folder) as reopened:
        assert not any("photo 5" in line for line in reopened.check(full=True))
        lines = reopened.repair(full=True)
        assert "made SQLite's indexes anew" in lines
        assert "dropped 1 broken photos; index again to make them anew" in lines
        assert reopened.check(full=True) == []


def test_what_is_seen_only_by_sound_indexes_is_mended_too(sound: SqliteCatalog) -> None:
    """A photo that the index lacks over which photos are counted, and that lacks a vector."""
    harm(sound, "DELETE FROM vectors WHERE segment_id = 8")
    with closing(sqlite3.connect(sound.folder / FILE_NAME)) as connection:
        (photo,) = connection.execute("SELECT * FROM photos WHERE id = 5").fetchall()
    harm(sound, "DELETE FROM photos WHERE id = 5")
    sound.close()
    with unseen(sound.folder, "photos_by_pixels") as connection:
        marks = ", ".join("?" * len(photo))
        connection.execute(f"INSERT INTO photos VALUES ({marks})", photo)
        connection.commit()
    with SqliteCatalog.open(sound.folder) as reopened:
        assert not any("photo 5" in line for line in reopened.check(full=True))
        assert reopened.repair(full=True) == [
            "made SQLite's indexes anew",
            "dropped 1 broken photos; index again to make them anew",
        ]
        assert reopened.check(full=True) == []


def test_a_sample_looks_at_few_photos(
    sound: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    harm(sound, DAMAGE["has masks that are not what they were"][0])
    monkeypatch.setattr("indexer.catalog.sqlite.audit.SAMPLE", 3)
    assert sound.check() == []
    assert len(sound.check(full=True)) == 1


def test_a_lost_generation_is_started_anew(sound: SqliteCatalog) -> None:
    harm(sound, "DELETE FROM revisions")
    assert sound.check() == ["the generation is missing"]
    sound.repair()
    assert sound.check() == []
    assert sound.generation > 0


@pytest.mark.parametrize("table", ["photos", "segments"])
@pytest.mark.parametrize("value", ["1", "'text'", "NULL", "-5", "9223372036854775807"])
def test_a_lost_count_is_told_and_counted_anew(
    sound: SqliteCatalog, made: ModuleType, table: str, value: str
) -> None:
    harm(sound, f"UPDATE sqlite_sequence SET seq = {value} WHERE name = '{table}'")
    assert sound.check() == [f"the count of {table} is not what was written"]
    sound.repair()
    assert sound.check(full=True) == []
    made.write(sound, 20, 22)  # no id is given twice, none is beyond all reason
    assert sound.check(full=True) == []
