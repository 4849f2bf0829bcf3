import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexer.thumbnails.store import FILE
from model.presets.preset import FOLDER
from searchengine import SearchEngine
from searchengine.doctor import examine


@pytest.fixture
def index(indexed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed, tmp_path / "index"))


def test_a_whole_index_is_well(index: Path) -> None:
    diagnosis = examine(index)
    assert diagnosis.healthy, diagnosis.problems
    assert {"segsearch", "python", "torch", "faiss", "index"} <= dict(diagnosis.facts).keys()
    assert str(diagnosis).endswith("all is well")


def test_no_index_is_no_problem(tmp_path: Path) -> None:
    assert examine(tmp_path / "none").healthy


@pytest.mark.parametrize("damage", ["missing", "cut", "noise"])
def test_damaged_vectors_are_found_and_rebuilt(index: Path, damage: str) -> None:
    vectors = index / "vectors.faiss"
    body = vectors.read_bytes()
    if damage == "missing":
        vectors.unlink()
    else:
        middle = len(body) // 2
        noise = bytes([body[middle] ^ 1]) + body[middle + 1 :]
        vectors.write_bytes(body[:middle] + (b"" if damage == "cut" else noise))
    sick = examine(index)
    assert not sick.healthy
    assert "--fix" in str(sick)
    mended = examine(index, fix=True)
    assert mended.healthy, mended.problems
    assert mended.fixed
    assert examine(index).healthy


def test_a_broken_photo_is_found_and_dropped(index: Path) -> None:
    with closing(sqlite3.connect(index / "catalog.sqlite")) as database, database:
        database.execute("UPDATE vectors SET vector = x'00' WHERE segment_id = 1")
    database.close()
    assert not examine(index).healthy
    mended = examine(index, fix=True)
    assert mended.fixed
    assert mended.healthy, mended.problems


def test_thumbnails_are_counted_and_mended(index: Path) -> None:
    counted = dict(examine(index).facts)["thumbnails"]
    assert counted == "5 of 5 photos"
    with closing(sqlite3.connect(index / FILE)) as database, database:
        database.execute("UPDATE thumbnails SET jpeg = zeroblob(900) WHERE rowid = 1")
        database.execute("UPDATE thumbnails SET seal = photo WHERE rowid = 2")
        database.execute("INSERT INTO thumbnails VALUES (7, 7, 'no picture')")
    sick = examine(index)
    assert [line.split(":")[0] for line in sick.problems] == ["3 thumbnails are damaged"]
    assert examine(index, fix=True).healthy
    assert dict(examine(index).facts)["thumbnails"].startswith("3 of 5 photos; others")
    (index / FILE).write_bytes(b"no database at all" * 99)
    assert "tells nothing" in examine(index).problems[0]
    assert examine(index, fix=True).healthy
    assert dict(examine(index).facts)["thumbnails"].startswith("0 of 5 photos")


def test_a_catalog_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database" * 100)
    diagnosis = examine(tmp_path)
    assert len(diagnosis.problems) == 1


def test_an_index_of_other_weights_is_told(index: Path) -> None:
    with closing(sqlite3.connect(index / "catalog.sqlite")) as database, database:
        database.execute("UPDATE manifest SET value = replace(value, 'fingerprint', 'other')")
    database.close()
    diagnosis = examine(index)
    assert any("other weights" in problem for problem in diagnosis.problems), diagnosis.problems


def test_weights_without_a_digest_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    own = tmp_path / "own.toml"
    shutil.copy(FOLDER / "nano" / "calibration.safetensors", tmp_path)
    own.write_text(
        'extends = "nano"\nname = "own"\n'
        '[weights.calibration]\nfile = "calibration.safetensors"\nlicence = "MIT"\n'
    )
    with SearchEngine.open(tmp_path / "index", preset=str(own)) as engine:
        engine.index(tmp_path / "none")
    assert examine(tmp_path / "index").healthy
    with (tmp_path / "calibration.safetensors").open("r+b") as file:
        file.truncate(5000)
    (problem,) = examine(tmp_path / "index").problems
    assert "does not hold a calibration" in problem
