from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from indexer.scan.own_output import is_own_picture
from model.errors import OutputUnusable
from searchengine.pictures.image_bytes import encoded, format_of


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.jpg", "b.jpeg"])
def test_the_suffix_names_the_format_and_the_mark_is_in_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(Image.new("RGB", (5, 4), "red"), path))
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        assert picture.format == format_of(path)
        assert picture.size == (5, 4)
    assert is_own_picture(path)


@pytest.mark.parametrize("name", ["a", "a.bmp", "png", ".png", "a.png.gz"])
def test_other_suffixes_are_refused(name: str) -> None:
    with pytest.raises(OutputUnusable, match=r"end the name in \.png, \.jpg, \.jpeg"):
        format_of(Path(name))
