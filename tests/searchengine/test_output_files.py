import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from model.errors import ExportError, OutputUnusable, StorageFull
from searchengine.output_files import (
    completed,
    made_below,
    made_folder,
    refuse_place,
    write,
)
from searchengine.pictures.image_bytes import png


class FullDisk(io.RawIOBase):
    def writable(self) -> Any:
        return True

    def write(self, data: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_written(path: Path) -> None:
    with completed(path) as file:
        file.write(b"other")
        raise KeyError


def names_in(folder: Path) -> Any:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with completed(target) as file:
        file.write(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"
    with pytest.raises(KeyError):
        half_written(target)
    assert target.read_bytes() == b"half"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    write(target, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: io.BufferedWriter(FullDisk()))
        with pytest.raises(StorageFull, match=r"disk is full, .*a\.txt was not written"):
            write(target, b"new" * 100_000)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(ExportError, match=r"a\.txt cannot be written"):
        write(tmp_path / "a.txt", b"")
    assert names_in(tmp_path) == ["a.txt"]


def test_folders_that_cannot_be_made_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        made_folder(tmp_path / "file")
    with pytest.raises(ExportError, match="cannot be written"):
        made_folder(tmp_path / "file" / "below")
    with pytest.raises(ExportError, match="cannot be written"):
        made_folder(tmp_path / ("x" * 300))
    assert made_folder(tmp_path / "a" / "b").is_dir()


def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
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


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".{gone.pid}-0123abcd.part").write_bytes(b"half")
    (tmp_path / f".{os.getpid()}-0123abcd.part").write_bytes(b"being written")
    (tmp_path / ".mine.part").write_bytes(b"somebody's")
    made_folder(tmp_path)
    assert names_in(tmp_path) == sorted([f".{os.getpid()}-0123abcd.part", ".mine.part"])


def test_folders_below_are_never_reached_by_links(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "labels").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportError, match="leads out of the folder"):
        made_below(tmp_path / "out", "labels")
    with pytest.raises(ExportError, match="leads out of the folder"):
        made_below(tmp_path / "out", "labels/train")
    assert names_in(tmp_path / "elsewhere") == []
    assert made_below(tmp_path / "out", "a/b").is_dir()
    assert made_below(tmp_path / "out", "") == tmp_path / "out"


@pytest.mark.parametrize("name", [".", "/", "/dev/null", "folder", "pipe", "x" * 60_000, "a\0b"])
def test_what_takes_no_picture_is_wrong_usage(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for overwrite in (False, True):
        with pytest.raises(OutputUnusable) as refused:
            refuse_place(
                tmp_path / name if name[0] not in "./" else Path(name), overwrite=overwrite
            )
        assert len(str(refused.value)) < 500


def test_only_pictures_of_ours_are_drawn_again(tmp_path: Path) -> None:
    photo, mine = tmp_path / "photo.png", tmp_path / "mine.png"
    Image.new("RGB", (4, 3)).save(photo)
    mine.write_bytes(png(Image.new("RGB", (4, 3))))
    (tmp_path / "link.png").symlink_to(photo)
    for place in (photo, tmp_path / "link.png"):
        with pytest.raises(ExportError, match="choose another name, or add `overwrite=True`"):
            refuse_place(place, overwrite=False)
        refuse_place(place, overwrite=True)
    refuse_place(mine, overwrite=False)
    refuse_place(tmp_path / "new.png", overwrite=False)
    with pytest.raises(ExportError, match="there is no folder"):
        refuse_place(tmp_path / "nowhere" / "new.png", overwrite=True)


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"photo")
    (tmp_path / "out.png").symlink_to(tmp_path / "photo.png")
    write(tmp_path / "out.png", b"sheet")
    assert (tmp_path / "photo.png").read_bytes() == b"photo"
    assert (tmp_path / "out.png").read_bytes() == b"sheet"
