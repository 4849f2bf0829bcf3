import io
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from PIL import Image as PillowImage

from model.errors import PhotoChanged, PhotoError, PhotoUnreadable, PhotoUnsupported
from model.photos import images
from model.photos.images import content_hash, read_header, read_image, read_photo

READERS: list[Callable[[Path], Any]] = [read_header, read_image, read_photo, content_hash]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    PillowImage.linear_gradient("L").save(path)
    return path


def test_a_photo_is_hashed_measured_and_decoded_at_once(photo: Path) -> None:
    found = read_photo(photo, max_side=64)
    assert found.content_hash == content_hash(photo) == blake3(photo.read_bytes()).digest()
    assert len(found.content_hash) == 32
    assert (found.file_size, found.mtime_ns) == (photo.stat().st_size, photo.stat().st_mtime_ns)
    assert found.header == read_header(photo)
    assert found.image.size == (64, 64)
    assert found.image.original_size == (256, 256)


def test_a_photo_is_opened_once(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    really = os.open

    def counting(path: Any, *arguments: Any, **options: Any) -> int:
        opened.append(path)
        return really(path, *arguments, **options)

    monkeypatch.setattr(os, "open", counting)
    read_photo(photo)
    assert opened == [photo]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
@pytest.mark.parametrize("read", READERS)
def test_nothing_stays_open(photo: Path, read: Callable[[Path], Any]) -> None:
    before = open_files()
    read(photo)
    photo.write_bytes(photo.read_bytes()[:40])
    if read is not content_hash and read is not read_header:
        with pytest.raises(PhotoUnreadable):
            read(photo)
    assert open_files() == before


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "link to a device"])
def test_only_ordinary_files_are_opened(
    tmp_path: Path, read: Callable[[Path], Any], kind: str
) -> None:
    path = tmp_path / "x.jpg"
    server = socket.socket(socket.AF_UNIX)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        server.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("/dev/tty")
    with server, pytest.raises(PhotoUnsupported, match="no ordinary file"):
        read(path)


def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.stat
    ordinary = photo.stat()
    photo.unlink()
    os.mkfifo(photo)
    monkeypatch.setattr(Path, "stat", lambda path: ordinary if path == photo else really(path))
    with pytest.raises(PhotoUnsupported, match="no ordinary file"):
        read_image(photo)


@pytest.mark.parametrize("read", [read_header, read_image, content_hash])
@pytest.mark.parametrize("name", ["missing.jpg", "photo.png/a.jpg", "nul\0.jpg", "x" * 300])
def test_what_is_not_there_is_unreadable(
    photo: Path, read: Callable[[Path], Any], name: str
) -> None:
    with pytest.raises(PhotoUnreadable, match=r"is not there|cannot be read") as caught:
        read(photo.parent / name)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_a_photo_that_vanished_since_it_was_found_has_changed(tmp_path: Path) -> None:
    with pytest.raises(PhotoChanged, match="has vanished"):
        read_photo(tmp_path / "gone.jpg")


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Something happens to the file between its being opened and its being decoded."""
    really = images._decoded

    def decoded(*arguments: Any, **settings: Any) -> Any:
        act()
        return really(*arguments, **settings)

    monkeypatch.setattr(images, "_decoded", decoded)


def test_a_photo_that_grows_meanwhile_has_changed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: photo.write_bytes(photo.read_bytes() + b"more"))
    with pytest.raises(PhotoChanged, match="changed while"):
        read_photo(photo)


def test_a_photo_that_is_touched_meanwhile_has_changed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: os.utime(photo, ns=(1, 1)))
    with pytest.raises(PhotoChanged, match="changed while"):
        read_photo(photo)


def test_a_photo_that_is_deleted_meanwhile_has_changed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, photo.unlink)
    with pytest.raises(PhotoChanged, match="vanished while"):
        read_photo(photo)


def test_a_photo_that_is_still_being_copied_has_changed_and_is_not_damaged(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = photo.read_bytes()
    photo.write_bytes(whole[:-200])
    meanwhile(monkeypatch, lambda: photo.write_bytes(whole[:-100]))
    with pytest.raises(PhotoChanged, match="changed while") as caught:
        read_photo(photo)
    assert isinstance(caught.value.__cause__, PhotoUnreadable)


def test_an_interruption_is_not_a_change(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        photo.unlink()
        raise KeyboardInterrupt

    meanwhile(monkeypatch, interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_photo(photo)


class Failing(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_failing_disk_is_told_from_a_damaged_photo() -> None:
    with pytest.raises(PhotoUnreadable, match=r"cannot be read \(Input/output error\)"):
        read_image(Failing(b"x"))


UNPRIVILEGED = """
import os, sys
from model.photos.images import content_hash, read_header, read_image, read_photo
from model.errors import PhotoUnreadable
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for read in (read_header, read_image, read_photo, content_hash):
    for path in sys.argv[1:]:
        try:
            read(path)
        except PhotoUnreadable as error:
            print(error)
"""


def test_files_without_permission_are_unreadable() -> None:
    # Not tmp_path: its parents are closed to the other user that root becomes here.
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o755)
        closed, below = Path(public, "a.jpg"), Path(public, "closed/b.jpg")
        closed.write_bytes(b"x")
        closed.chmod(0)
        below.parent.mkdir(mode=0)
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(closed), str(below)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        below.parent.chmod(0o755)
    expected = [f"{path} cannot be read (Permission denied)" for path in (closed, below)]
    assert done.stdout.splitlines() == expected * 4, done.stderr


def test_odd_names_are_shown_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff.jpg")
    path.touch()
    with pytest.raises(PhotoError, match=r"a\\nb\\udcff\.jpg is empty"):
        read_photo(path)


def test_a_photo_of_another_size_is_not_decoded(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert images.read_image(photo, of_size=(256, 256)).size == (256, 256)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(PhotoChanged, match="is 256×256 pixels now, the index knows 6×5"):
        images.read_image(photo, of_size=(5, 6), max_megapixels=float("inf"))


def test_a_file_is_read_no_further_than_its_photo(tmp_path: Path) -> None:
    """A tail of gigabytes costs neither memory nor, but for its hash, time."""
    for format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"):
        path = tmp_path / format
        PillowImage.linear_gradient("L").save(path, format)
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.truncate(1 << 40)
            taken = Counting(file)
            images.read_image(taken)
        assert taken.given <= 4 * size + (2 << 20)


class Counting(io.RawIOBase):
    """A file that counts how many of its bytes were asked for."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self.file, self.given = file, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.file.seek(offset, whence))

    def tell(self) -> int:
        return int(self.file.tell())

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "the whole file was asked for"
        found = self.file.read(size)
        self.given += len(found)
        return bytes(found)
