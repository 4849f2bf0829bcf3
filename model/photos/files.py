"""Opening a photo file: only ordinary files, never blocking, and noticing what others do to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from model.errors import (
    PhotoChanged,
    PhotoUnreachable,
    PhotoUnreadable,
    PhotoUnsupported,
    shown,
)

Source = str | os.PathLike[str] | BinaryIO


@contextmanager
def photo_file(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """A path opened for reading, or the seekable binary file given; and its name for messages.

    Raises:
        PhotoUnreadable: the file is missing.
        PhotoUnreachable: the file may not be read.
        PhotoUnsupported: the path is that of a folder, a pipe, a device or the like.
    """
    if isinstance(source, str | os.PathLike):
        with _opened(Path(source)) as file:
            yield file, shown(source)
    else:
        yield source, shown(getattr(source, "name", "the photo"))


@contextmanager
def settled_file(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, str, os.stat_result]]:
    """File and name as of `photo_file`, of one that must not change before the context is left.

    Yields:
        The open file, its name for messages, and its status.

    Raises:
        PhotoChanged: the file vanished or changed, which explains whatever else went wrong.
        PhotoUnreachable: the file may not be read.
        PhotoUnsupported: the path is that of a folder, a pipe, a device or the like.
    """
    try:
        file = _opened(Path(path))
    except PhotoUnreadable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise PhotoChanged(f"{shown(path)} has vanished") from error
        raise
    with file:
        before = os.fstat(file.fileno())
        try:
            yield file, shown(path), before
        except Exception as error:
            _refuse_change(file, path, before, error)
            raise
        _refuse_change(file, path, before, None)


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
