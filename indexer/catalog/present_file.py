"""Which of a photo's files is still there; a store is not asked, and counts as there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from model.stores.urls import is_url


def present_file(files: Sequence[str]) -> str:
    """The first of a photo's files that is still there; the first one when none is."""
    if len(files) == 1:
        return files[0]
    return next((file for file in files if is_url(file) or Path(file).exists()), files[0])


def is_held(path: str) -> bool:
    """Whether a name still leads to something: a file, a link to nothing, or into a store."""
    return is_url(path) or os.path.lexists(path)
