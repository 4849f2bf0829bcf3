import errno
import io
import os
from pathlib import Path

import pytest

from model.errors import ExportError, StorageFull
from searchengine.output_files import completed, link, made_folder, write


class FullDisk(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_written(path):
    with completed(path) as file:
        file.write(b"other")
        raise KeyError


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    with completed(target) as file:
        file.write(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"
    with pytest.raises(KeyError):
        half_written(target)
    assert target.read_bytes() == b"half"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    write(target, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: io.BufferedWriter(FullDisk()))
        with pytest.raises(StorageFull, match=r"disk is full, .*a\.txt was not written"):
            write(target, b"new" * 100_000)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(ExportError, match=r"a\.txt cannot be written"):
        write(tmp_path / "a.txt", b"")
    assert names_in(tmp_path) == ["a.txt"]


def test_folders_that_cannot_be_made_are_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        made_folder(tmp_path / "file")
    with pytest.raises(ExportError, match="cannot be written"):
        made_folder(tmp_path / "file" / "below")
    with pytest.raises(ExportError, match="cannot be written"):
        made_folder(tmp_path / ("x" * 300))
    assert made_folder(tmp_path / "a" / "b").is_dir()


def test_a_folder_without_the_right_to_write_is_refused(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    before = os.geteuid()
    if before == 0:  # nothing is forbidden to root
        os.seteuid(65_534)
    try:
        with pytest.raises(ExportError, match=r"may not be written to|cannot be written"):
            made_folder(locked / "below")
    finally:
        os.seteuid(before)


def test_links_are_made_only_to_what_is_there(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    assert link(tmp_path / "a.jpg", tmp_path / "photo.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == b"photo"
    assert link(tmp_path / "a.jpg", tmp_path / "photo.jpg")
    assert not link(tmp_path / "b.jpg", tmp_path / "gone.jpg")
    assert names_in(tmp_path) == ["a.jpg", "photo.jpg"]
