"""Which of a photo's files is shown: the first that is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def present_file(files: Sequence[str]) -> str:
    """The first of a photo's files that is still there; the first one when none is."""
    if len(files) == 1:
        return files[0]
    return next((file for file in files if Path(file).exists()), files[0])
