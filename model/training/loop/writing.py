"""Writing that survives a kill and a power cut: all of it is there, or nothing of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from model.errors import TrainingError, shown


@contextmanager
def written(what: str, folder: Path) -> Iterator[None]:
    """Failures to write, which every library tells in its own way, become one error.

    Raises:
        TrainingError: the disk is full, or may not be written to.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(
            f"{what} cannot be written to {shown(folder)} ({reason})",
            "free the disk or choose another folder, then go on with --resume",
        ) from error


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
