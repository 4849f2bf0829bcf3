from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from indexer.scan.own_output import MANIFEST, SOFTWARE, exported_files, is_own_picture


def written(path: Path, mark: str | None, format: str, size: tuple[int, int] = (40, 30)) -> Path:
    picture, options = Image.new("RGB", size, "red"), {}
    if mark is not None:
        info = PngInfo()
        info.add_text("Software", mark)
        options = {"pnginfo": info} if format == "PNG" else {"comment": mark.encode()}
    picture.save(path, format, **options)
    return path


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_pictures_are_ours_by_their_mark_alone(tmp_path: Path, format: str) -> None:
    assert is_own_picture(written(tmp_path / "ours", SOFTWARE, format))
    for other in (None, "GIMP", "segsearching", "a segsearch"):
        assert not is_own_picture(written(tmp_path / "other", other, format))


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_no_beginning_of_a_picture_is_misread(tmp_path: Path, format: str) -> None:
    whole = written(tmp_path / "ours", SOFTWARE, format).read_bytes()
    marked = whole.index(SOFTWARE.encode()) + len(SOFTWARE)
    for length in range(0, 200, 3):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert is_own_picture(tmp_path / "cut") == (length >= marked)


def test_a_mark_in_the_pixels_is_none(tmp_path: Path) -> None:
    whole = written(tmp_path / "ours.png", SOFTWARE, "PNG").read_bytes()
    start = whole.index(b"tEXt") - 4
    chunk = whole[start : start + 12 + len("Software\0segsearch")]
    pixels = struct.pack(">I4s", len(chunk), b"IDAT") + chunk + bytes(4)
    (tmp_path / "a.png").write_bytes(whole[:start] + pixels + whole[start + len(chunk) :])
    assert not is_own_picture(tmp_path / "a.png")


def test_what_cannot_be_read_is_not_ours(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", "nul\0"):
        assert not is_own_picture(path)


def test_an_export_lists_its_files(tmp_path: Path) -> None:
    assert exported_files(tmp_path) == set()
    entries = [{"file": "a.png", "photo": '/p/{"file": 1}'}, {"file": "images/ü.jpg"}]
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    text = f'{{\n "segsearch": "1.0",\n "files": [\n{lines}\n ],\n "complete": true\n}}\n'
    (tmp_path / MANIFEST).write_text(text)
    assert exported_files(tmp_path) == {MANIFEST, "a.png", "images/ü.jpg"}
    (tmp_path / MANIFEST).write_text(text[: text.index("images") + 3])
    assert exported_files(tmp_path) == {MANIFEST, "a.png"}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"name": "segsearch"}', '{"manifest_version": 3}']
)
def test_manifests_of_others_list_nothing_of_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text + '\n{"file": "a.png"}\n')
    assert exported_files(tmp_path) == set()
