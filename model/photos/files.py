"""Opening a photo, on a disk or in a store: only what is a file, noticing what others do to it.

On a disk that is an ordinary file, opened without blocking. An object of a store is read as its URL
(`model.stores`) names it: by ranges where only its header is wanted, else once, into memory.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from model.errors import (
    PhotoChanged,
    PhotoUnreachable,
    PhotoUnreadable,
    PhotoUnsupported,
    shown,
)
from model.stores.store import StoredFile, status
from model.stores.urls import is_url

Source = str | os.PathLike[str] | BinaryIO


class FileState(NamedTuple):
    """State of a file by which a change of it is told.

    Attributes:
        size: bytes.
        mtime_ns: time of the last change, nanoseconds since 1970; of an object of a store its
            stamp, as in `model.stores.store.StoredObject`.
    """

    size: int
    mtime_ns: int


class PhotoBytes(io.BytesIO):
    """A photo that is held in memory, under the name that it has elsewhere.

    Attributes:
        name: path or URL, for messages.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def read_once(path: str) -> str | PhotoBytes:
    """What a photo is read from that is needed more than once: the path itself or, where it lies
    in a store, its bytes, which are fetched.

    Raises:
        PhotoUnreadable: there is no such object.
        PhotoUnreachable: its store does not hand it out.
    """
    if not is_url(path):
        return path
    with StoredFile(path) as stored:
        return PhotoBytes(stored.whole(), path)


@contextmanager
def photo_file(source: Source, *, whole: bool = True) -> Iterator[tuple[BinaryIO, str]]:
    """A path or URL opened for reading, or the seekable binary file given; its name for messages.

    Args:
        source: path, URL or file.
        whole: whether more than a header is wanted: an object of a store is fetched at once then.

    Raises:
        PhotoUnreadable: the file is missing.
        PhotoUnreachable: the file may not be read, or its store does not hand it out.
        PhotoUnsupported: the path is that of a folder, a pipe, a device or the like.
    """
    if not isinstance(source, str | os.PathLike):
        yield source, shown(getattr(source, "name", "the photo"))
    elif is_url(source):
        with StoredFile(str(source)) as stored:
            name = shown(source)
            yield PhotoBytes(stored.whole(), str(source)) if whole else cast(BinaryIO, stored), name
    else:
        with _opened(Path(source)) as file:
            yield file, shown(source)


@contextmanager
def settled_file(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, str, FileState]]:
    """File and name as of `photo_file`, of one that must not change before the context is left.

    Yields:
        The open file, its name for messages, and its state.

    Raises:
        PhotoChanged: the file vanished or changed, which explains whatever else went wrong.
        PhotoUnreachable: the file may not be read, or its store does not hand it out.
        PhotoUnsupported: the path is that of a folder, a pipe, a device or the like.
    """
    if is_url(path):
        with _settled_object(cast(str, path)) as found:
            yield found
        return
    try:
        file = _opened(Path(path))
    except PhotoUnreadable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise PhotoChanged(f"{shown(path)} has vanished") from error
        raise
    with file:
        before = os.fstat(file.fileno())
        try:
            yield file, shown(path), FileState(before.st_size, before.st_mtime_ns)
        except Exception as error:
            _refuse_change(file, path, before, error)
            raise
        _refuse_change(file, path, before, None)


def state_of(path: str) -> FileState | None:
    """State of a file as it is now; None where there is none.

    Raises:
        PhotoUnreachable: nobody can tell.
    """
    try:
        if is_url(path):
            found = status(path)
            return FileState(found.size, found.stamp)
        now = Path(path).stat()
    except PhotoUnreachable:
        raise
    except (PhotoUnreadable, FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PhotoUnreachable(f"{shown(path)} cannot be read ({error.strerror})") from error
    return FileState(now.st_size, now.st_mtime_ns)


@contextmanager
def _settled_object(url: str) -> Iterator[tuple[BinaryIO, str, FileState]]:
    """The bytes of an object, all of one content, which may change then as it likes."""
    try:
        stored = StoredFile(url)
    except PhotoUnreachable:
        raise
    except PhotoUnreadable as error:
        raise PhotoChanged(f"{shown(url)} has vanished") from error
    with stored:
        content = stored.whole()
    yield PhotoBytes(content, url), shown(url), FileState(stored.object.size, stored.object.stamp)


def _refuse_change(
    file: BinaryIO, path: str | os.PathLike[str], before: os.stat_result, cause: Exception | None
) -> None:
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PhotoChanged(f"{shown(path)} changed while it was being read") from cause
    if before.st_nlink and not after.st_nlink:  # some file systems always say 0
        raise PhotoChanged(f"{shown(path)} vanished while it was being read") from cause


def _opened(path: Path) -> BinaryIO:
    flags = os.O_RDONLY
    for flag in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"):
        flags |= getattr(os, flag, 0)
    try:
        # Opening a pipe or a device can block or do things: look first, and again when open.
        if stat.S_ISREG(path.stat().st_mode):
            file = os.fdopen(os.open(path, flags), "rb")
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            file.close()
    except FileNotFoundError as error:
        raise PhotoUnreadable(f"{shown(path)} is not there") from error
    except OSError as error:
        raise PhotoUnreachable(f"{shown(path)} cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL in the path
        raise PhotoUnreadable(f"{shown(path)} cannot be read ({error})") from error
    raise PhotoUnsupported(f"{shown(path)} is no ordinary file")
