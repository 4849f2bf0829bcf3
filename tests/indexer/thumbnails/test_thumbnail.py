"""Thumbnails of an index: made by indexing, read back, made anew, and never a photo's undoing."""

import io
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from indexer.catalog.records import PhotoRow
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.thumbnails.store import FILE, Thumbnails, _missing
from indexer.thumbnails.thumbnail import thumbnail
from model.errors import PhotoChanged, PhotoUnreadable

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, painted: ModuleType) -> Path:
    place = tmp_path_factory.mktemp("made")
    for number in range(3):
        painted.paint(place / "before" / f"{number}.png", number, scale=8)
    painted.run(place / "index", place / "before")
    (place / "before").rename(place / "photos")
    return place


@pytest.fixture
def place(made_once: Path, tmp_path: Path, painted: ModuleType) -> Path:
    """A folder with `photos` and their `index`."""
    shutil.copytree(made_once, tmp_path / "place")
    index, photos = tmp_path / "place" / "index", tmp_path / "place" / "photos"
    painted.run(index, photos, made_once / "before", prune=True, force=True)
    return tmp_path / "place"


def rows(index: Path) -> list[PhotoRow]:
    with SqliteCatalog.open(index, readonly=True) as catalog:
        found = catalog.photos(range(100)).values()
        return sorted(found, key=lambda row: Path(row.path).name)


def kept(index: Path) -> list[bytes | None]:
    return [Thumbnails(index).get(row.content_hash) for row in rows(index)]


def pixels(jpeg: bytes) -> Image.Image:
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.load()
        assert picture.format == "JPEG"
        return picture


def overwritten(file: Path) -> None:
    """Noise in the middle: SQLite's structure, or a picture."""
    body = bytearray(file.read_bytes())
    body[len(body) // 2 : len(body) // 2 + 400] = bytes(range(200)) * 2
    file.write_bytes(body)


def resealed(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE thumbnails SET seal = seal + 1")


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE thumbnails (number INTEGER)")


DAMAGES: dict[str, Damage] = {
    "noise": overwritten,
    "another seal": resealed,
    "another table": foreign,
    "cut": lambda file: file.write_bytes(file.read_bytes()[:5000]),
    "empty": lambda file: file.write_bytes(b""),
    "no database": lambda file: file.write_bytes(b"nothing of the kind" * 500),
    "missing": Path.unlink,
}


def test_indexing_keeps_a_small_picture_of_each_photo(place: Path) -> None:
    found = kept(place / "index")
    assert len(found) == 3
    for number, jpeg in enumerate(found):
        assert jpeg is not None
        small = pixels(jpeg)
        assert small.size == (256, 192)
        assert not small.getexif()
        with Image.open(place / "photos" / f"{number}.png") as photo:
            whole = np.asarray(photo.resize(small.size), np.float64)
        assert np.abs(np.asarray(small, np.float64) - whole).mean() < 4


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_made_anew_and_kept(place: Path, damage: Damage) -> None:
    index = place / "index"
    before = kept(index)
    damage(index / FILE)
    for row, jpeg in zip(rows(index), before, strict=True):
        assert jpeg is not None
        again = thumbnail(index, row)
        difference = np.asarray(pixels(again), float) - np.asarray(pixels(jpeg), float)
        assert np.abs(difference).mean() < 3
        assert Thumbnails(index).get(row.content_hash) == again
    assert None not in kept(index)


def test_an_upright_picture_is_made_anew(place: Path, painted: ModuleType) -> None:
    with Image.open(place / "photos" / "1.png") as photo:
        exif = photo.getexif()
        exif[274] = 6
        photo.convert("RGB").save(place / "photos" / "turned.jpg", exif=exif)
    painted.run(place / "index", place / "photos")
    (row,) = (row for row in rows(place / "index") if row.path.endswith("turned.jpg"))
    by_indexing = thumbnail(place / "index", row)
    assert pixels(by_indexing).size == (192, 256)
    (place / "index" / FILE).unlink()
    assert pixels(thumbnail(place / "index", row)).size == (192, 256)


def test_another_photo_under_the_name_is_refused(place: Path, painted: ModuleType) -> None:
    index = place / "index"
    first, second, _ = rows(index)
    (index / FILE).unlink()
    painted.paint(Path(first.path), 77)
    Path(second.path).unlink()
    with pytest.raises(PhotoChanged, match="is not the photo that was indexed"):
        thumbnail(index, first)
    with pytest.raises((PhotoChanged, PhotoUnreadable)):
        thumbnail(index, second)
    assert Thumbnails(index).count() == 0


def test_a_place_that_takes_no_file_loses_no_photo(tmp_path: Path, painted: ModuleType) -> None:
    for number in range(3):
        painted.paint(tmp_path / "photos" / f"{number}.png", number)
    (tmp_path / "index" / FILE).mkdir(parents=True)
    report = painted.run(tmp_path / "index", tmp_path / "photos")
    assert report.added == 3
    assert sum("thumbnails are not kept" in note for note in report.notes) == 1
    assert pixels(thumbnail(tmp_path / "index", rows(tmp_path / "index")[0])).size == (64, 48)


def test_none_are_made_where_none_are_asked_for(tmp_path: Path, painted: ModuleType) -> None:
    painted.paint(tmp_path / "photos" / "0.png", 0)
    painted.run(tmp_path / "index", tmp_path / "photos", thumbnails=False)
    assert not (tmp_path / "index" / FILE).exists()


def test_what_is_forgotten_or_edited_leaves_no_picture(place: Path, painted: ModuleType) -> None:
    index, photos = place / "index", place / "photos"
    (photos / "0.png").unlink()
    painted.paint(photos / "1.png", 50)
    painted.run(index, photos)  # still knows 0.png
    assert Thumbnails(index).count() == 3
    painted.run(index, photos, prune=True)
    assert Thumbnails(index).count() == 2
    assert None not in kept(index)


def test_edited_metadata_keep_the_picture(place: Path, painted: ModuleType) -> None:
    photo = place / "photos" / "0.png"
    with Image.open(photo) as picture:
        exif = picture.getexif()
        exif[272] = "Another camera"
        picture.save(photo, exif=exif)
    assert painted.run(place / "index", place / "photos").recognised == 1
    assert None not in kept(place / "index")


hashes = st.binary(min_size=1, max_size=2)


@given(st.sets(hashes), st.sets(hashes))
def test_orphans_are_those_that_nobody_knows(held: set[bytes], known: set[bytes]) -> None:
    assert _missing(iter(sorted(held)), sorted(known)) == sorted(held - known)
