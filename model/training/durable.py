"""Writing that survives a kill and a power cut: all of it is there, or nothing of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(file: Path, flushed: bool = True) -> Iterator[Path]:
    """Write to the path given here; on leaving it becomes `file`.

    Two processes may write one file: each writes its own, and the last to finish wins. After an
    exception or a kill `file` is as it was.

    Args:
        file: what is written or replaced.
        flushed: wait until the disk has it, so that a power cut loses nothing either.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield part
        if flushed:
            flush(part)
        part.replace(file)
        if flushed:
            flush(file.parent)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have a file's content, or a folder's names, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
