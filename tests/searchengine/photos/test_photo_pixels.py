from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.records import PhotoRow
from model.errors import PhotoChanged
from searchengine import Options, SearchEngine
from searchengine.photos import photo_pixels
from searchengine.photos.photo_pixels import image_of, is_missing, pixels_of


@pytest.fixture
def photo(tmp_path: Path) -> PhotoRow:
    """A photo of an index, in two files."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (40, 30), (200, 20, 20)).save(folder / "a.png")
    shutil.copy2(folder / "a.png", folder / "b.png")
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder, options=Options(jobs=1))
        return next(iter(engine.segments())).photo


def replaced(path: str, size: tuple[int, int] = (40, 30)) -> None:
    Image.new("RGB", size, (20, 20, 200)).save(path)


def test_files_as_they_were_are_read_without_being_hashed(
    photo: PhotoRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_pixels, "content_hash", lambda path: pytest.fail("hashed"))
    assert pixels_of(photo).shape == (30, 40, 3)
    assert image_of(photo, 20).size == (15, 20)
    assert not is_missing(photo)


def test_a_file_that_was_only_touched_is_read(photo: PhotoRow) -> None:
    for path in photo.files:
        os.utime(path, (1, 1))
    assert (pixels_of(photo) == (200, 20, 20)).all()


def test_another_file_of_the_photo_stands_in(photo: PhotoRow) -> None:
    replaced(photo.files[0])
    assert (pixels_of(photo) == (200, 20, 20)).all()
    Path(photo.files[0]).unlink()
    assert (pixels_of(photo) == (200, 20, 20)).all()
    assert not is_missing(photo)


def test_what_took_the_place_of_a_photo_is_never_decoded(
    photo: PhotoRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_pixels, "read_image", lambda *_, **__: pytest.fail("decoded"))
    for size in ((40, 30), (4000, 3000)):
        for path in photo.files:
            replaced(path, size)
        with pytest.raises(PhotoChanged, match="has changed since it was indexed: index its"):
            image_of(photo)
    for path in photo.files:
        Path(path).unlink()
    with pytest.raises(PhotoChanged, match="has vanished"):
        image_of(photo)
    assert is_missing(photo)


def test_equal_size_and_time_do_not_hide_another_frame(photo: PhotoRow) -> None:
    other = replace(photo, size=(31, 40))
    with pytest.raises(PhotoChanged, match=r"is 40×30 pixels now, the index knows 40×31"):
        pixels_of(other)
    assert np.array_equal(pixels_of(photo).shape, (30, 40, 3))
