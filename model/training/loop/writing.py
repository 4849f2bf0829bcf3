"""Failures to write what a training run keeps, told as one error."""

from __future__ import annotations

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
