"""The user's own folders, where there are any: containers have users without a home."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from model.errors import StorageError


def expand_home(text: str) -> Path:
    """A path, its leading `~` or `~name` that user's home; as it stands where there is none."""
    return Path(os.path.expanduser(text))  # noqa: PTH111, Path.expanduser raises where it cannot


def user_folder(kind: Literal["cache", "data"], variable: str) -> Path:
    """The folder that a variable of the environment names or, without it, the user's own.

    Args:
        kind: one of the system's folders for programs, for the user's own.
        variable: name of the variable; `~` in it is expanded.

    Raises:
        StorageError: neither the variable is set nor has the user a home.
    """
    named = os.environ.get(variable)
    if named:
        return expand_home(named)
    from platformdirs import user_cache_path, user_data_path

    found = Path()
    with suppress(RuntimeError):  # newer versions refuse a `~` that stands for nothing
        found = (user_cache_path if kind == "cache" else user_data_path)("segsearch")
    if not found.is_absolute():
        raise StorageError(
            f"this user has no home folder, so there is no place for {kind}",
            f"set {variable} to a folder, or HOME",
        )
    return found
