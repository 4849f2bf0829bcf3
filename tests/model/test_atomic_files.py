"""Files that are whole or not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from model.atomic_files import part_of, remove_leftovers, replaced


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_appears_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    with replaced(file) as part:
        part.write_text("new")
        assert not file.exists()
    assert file.read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def fail_half_way(part: Path) -> None:
    part.write_text("new")
    raise KeyError


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    with pytest.raises(KeyError), replaced(file) as part:
        fail_half_way(part)
    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    link = tmp_path / "link"
    link.symlink_to("theirs")
    with replaced(link, flushed=False) as part:
        part.write_text("ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not link.is_symlink()
    assert link.read_text() == "ours"


def test_what_the_dead_left_is_removed_and_what_the_living_write_stays(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    ).stdout.decode()
    left = tmp_path / f".{int(dead)}-00c0ffee.part"
    left.write_text("half")
    ours = part_of(tmp_path / "a")
    ours.write_text("half")
    (tmp_path / ".1234567-holiday.part").write_text("of others")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([ours.name, ".1234567-holiday.part"])
