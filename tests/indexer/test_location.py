from __future__ import annotations

from pathlib import Path

import pytest

from indexer.location import Location, index_folder, location_of, parsed, write_location
from model.errors import QueryError, StorageError

PLACE = "postgresql+pgvector://museum@db.example:5433/photos?schema=shop"


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGSEARCH_DATA", str(tmp_path / "data"))


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert index_folder(tmp_path) == index_folder(str(tmp_path)) == tmp_path
    assert location_of(tmp_path) is None
    assert location_of(tmp_path / "nowhere") is None


def test_a_uri_has_one_folder_that_names_it(tmp_path: Path) -> None:
    folder = index_folder(PLACE)
    assert folder.parent == tmp_path / "data" / "indexes"
    assert location_of(folder) == Location(PLACE)
    assert index_folder(PLACE) == folder
    assert index_folder(PLACE.replace("shop", "attic")) != folder


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql+pgvector://host/db", "postgresql+pgvector://host:5432/db?schema=segsearch"),
        ("postgresql+pgvector://HOST/db?b=", None),
        (
            "postgresql+pgvector:///db?host=/a%20b&sslmode=require",
            "postgresql+pgvector:///db?sslmode=require&host=/a b",
        ),
        ("postgresql+pgvector://[::1]/d%C3%A9", "postgresql+pgvector://[::1]:5432/dé"),
    ],
)
def test_one_place_has_one_spelling(one: str, other: str | None) -> None:
    if other is None:
        with pytest.raises(QueryError):
            parsed(one)
        return
    assert parsed(one) == parsed(other)
    location, password = parsed(one)
    assert parsed(location.uri) == (location, "")
    assert password == ""


def test_a_password_is_used_and_never_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri in (PLACE.replace("museum@", "museum:s%40same@"), f"{PLACE}&password=s%40same"):
        folder = index_folder(uri)
        location = location_of(folder)
        assert location == Location(PLACE)
        monkeypatch.setenv(location.variable, "")
        index_folder(uri)
        assert location.parameters == {
            "user": "museum", "host": "db.example", "port": "5433", "dbname": "photos",
            "password": "s@same",
        }  # fmt: skip
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in kept] == ["index.toml"]
    assert "same" not in kept[0].read_text()
    assert "same" not in repr(location) + str(location) + location.digest
    with pytest.raises(QueryError) as told:
        parsed("postgresql+pgvector://museum:s%40same@host/db?what=s%40same")
    assert "same" not in str(told.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://host/db",
        "mysql+pgvector://host/db",
        "postgresql+pgvector://host",
        "postgresql+pgvector://host/a/b",
        "postgresql+pgvector://host:many/db",
        "postgresql+pgvector://host/db?schema=pg_catalog",
        'postgresql+pgvector://host/db?schema=a"b',
        "postgresql+pgvector://host/db?schema=a&schema=b",
        "postgresql+pgvector://host/db?options=-csearch_path",
        "postgresql+pgvector://host/db#there",
        "postgresql+pgvector://[host/db",
        "postgresql+pgvector://host/d%00b",
    ],
)
def test_what_no_index_can_have_is_refused(uri: str) -> None:
    with pytest.raises(QueryError):
        index_folder(uri)


def test_a_path_cannot_hold_a_uri() -> None:
    with pytest.raises(QueryError, match="as a text"):
        index_folder(Path(PLACE))


@pytest.mark.parametrize(
    "text",
    ["", "catalog = 3", "catalog = 'postgresql+pgvector://a/b'\nmore = 1", "= nothing", "\0",
     "catalog = 'postgresql+pgvector://u:sesame@a/b'"],
)  # fmt: skip
def test_a_file_that_names_no_place_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.toml").write_text(text)
    with pytest.raises(StorageError, match=r"index\.toml") as told:
        location_of(tmp_path)
    assert "sesame" not in str(told.value)
    (tmp_path / "index.toml").write_bytes(b"\xff")
    with pytest.raises(StorageError, match="no text"):
        location_of(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written to"):
        write_location(tmp_path / "file" / "index", Location(PLACE))
