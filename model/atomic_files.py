"""Files that are whole or not there: written aside, flushed, then renamed into place."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # what the system says of a full disk
_PART = re.compile(r"\.(\d+)-[0-9a-f]{8}\.part")


@contextmanager
def replaced(file: Path, flushed: bool = True) -> Iterator[Path]:
    """Path beside `file` to write to; it takes the place of `file` when the block ends well.

    After an exception or a kill `file` is as it was. Several processes may write one file: each
    writes its own, and the last to finish wins. A symbolic link at `file` is replaced, not
    followed.

    Args:
        file: path of the file that is written or replaced.
        flushed: whether to wait until the disk has it, so that a power cut loses nothing either.

    Raises:
        OSError: the file cannot be written or renamed.
    """
    part = part_of(file)
    try:
        yield part
        if flushed:
            flush(part)
        part.replace(file)
        if flushed:
            flush(file.parent)
    finally:
        with suppress(OSError):
            part.unlink()


def part_of(file: Path) -> Path:
    """Path beside `file` under which this process may write what is to become it."""
    return file.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.part")


def flush(path: Path) -> None:
    """Have a file's content, or a folder's names where the system can, written to the disk.

    Raises:
        OSError: the disk could not take it.
    """
    if os.name != "posix" and path.is_dir():
        return  # no handle of a folder can be flushed there
    descriptor = os.open(path, os.O_RDWR if os.name != "posix" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine have left unfinished in a folder."""
    if os.name != "posix":
        return  # nothing there tells whether a process is alive without harm
    with suppress(OSError), os.scandir(folder) as entries:
        left = [e.path for e in entries if (m := _PART.fullmatch(e.name)) and _dead(m[1])]
        for path in left:
            with suppress(OSError):
                Path(path).unlink()


def _dead(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
