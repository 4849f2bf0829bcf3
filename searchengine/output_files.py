"""Files that appear only when they are complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from model.errors import ExportError, StorageFull, shown

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def completed(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well.

    Until then, and after any error, whatever was at `path` stays as it was.

    Raises:
        StorageFull: the disk is full.
        ExportError: the file cannot be written.
    """
    unfinished = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise refusal(error, path) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def write(path: Path, data: bytes) -> None:
    """Write a whole file.

    Raises:
        StorageFull: the disk is full.
        ExportError: the file cannot be written.
    """
    with completed(path) as file:
        file.write(data)


def link(path: Path, target: Path) -> bool:
    """Make `path` a symbolic link to an existing file; whether that could be done.

    Raises:
        StorageFull: the disk is full.
    """
    unfinished = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        unfinished.symlink_to(target.resolve(strict=True))
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        if error.errno in FULL:
            raise refusal(error, path) from error
        return False
    return True


def made_folder(path: Path) -> Path:
    """The folder, made with its parents where it is not there yet, and fit to be written to.

    Raises:
        StorageFull: the disk is full.
        ExportError: there is something else in the way, or it cannot be made or written to.
    """
    try:
        if path.exists() and not path.is_dir():
            raise ExportError(f"{shown(path)} is a file, not a folder", "name a folder instead")
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(error, path) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ExportError(
            f"{shown(path)} may not be written to", "choose another folder or change its rights"
        )
    return path


def refusal(error: OSError, path: Path) -> StorageFull | ExportError:
    """What to tell about a file or folder that the system would not write."""
    if error.errno in FULL:
        return StorageFull(
            f"the disk is full, {shown(path)} was not written", "free some space and go on"
        )
    return ExportError(
        f"{shown(path)} cannot be written ({error.strerror or error})", "choose another folder"
    )
