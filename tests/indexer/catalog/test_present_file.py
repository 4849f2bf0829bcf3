from __future__ import annotations

from pathlib import Path

from indexer.catalog.present_file import is_held, present_file


def test_the_first_file_that_is_there_stands_for_a_photo(tmp_path: Path) -> None:
    gone, there, url = str(tmp_path / "a"), str(tmp_path / "b"), "s3://museum/c.jpg"
    (tmp_path / "b").touch()
    assert present_file([gone, there, url]) == there
    assert present_file([gone, url, there]) == url  # without asking for it
    assert present_file([gone]) == present_file([gone, gone + "2"]) == gone


def test_a_link_to_nothing_still_holds_its_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert is_held(str(tmp_path / "link"))
    assert is_held("s3://museum/c.jpg")
    assert not is_held(str(tmp_path / "nothing"))
