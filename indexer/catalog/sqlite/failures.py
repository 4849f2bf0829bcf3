"""What SQLite says of a catalog's file, in our words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from model.errors import (
    IndexDamaged,
    IndexLocked,
    IndexMissing,
    IndexReadOnly,
    StorageError,
    StorageFull,
    shown,
)

BUSY_SECONDS = 15.0
LEAST_FREE_BYTES = 1 << 20
TO_MEND = "segsearch doctor --fix saves what can be saved"
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Exceptions over a file: SQLite's message quotes names out of it, and where these are no text,
Python raises a UnicodeDecodeError in the error's place."""


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """What SQLite says of the file of a catalog, said as an error of ours.

    Raises:
        IndexMissing, IndexReadOnly, IndexDamaged, IndexLocked, StorageFull, StorageError: the
            name tells it.
    """
    try:
        yield
    except (DBAPIError, *SQLITE_ERRORS) as error:
        explained = _explained(error, path)
        if explained is None:
            raise
        raise explained from error


def _explained(
    error: DBAPIError | sqlite3.Error | UnicodeDecodeError, path: Path
) -> StorageError | None:
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    where = shown(path)
    full = StorageFull(
        f"the disk is full: {where} could not be written, what was there before is intact",
        "free some space, then run the same command again; it goes on where it stopped",
    )
    if code == sqlite3.SQLITE_FULL:
        return full
    if code == sqlite3.SQLITE_READONLY:
        return read_only(path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexLocked(
            f"{where} has been in use by another process for {BUSY_SECONDS:.0f} s",
            "wait for that process, or stop it, then try again",
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        if not path.is_file():
            return index_missing(path.parent)
        if shutil.disk_usage(path.parent).free < LEAST_FREE_BYTES:
            return full
        return StorageError(
            f"{where} cannot be opened or read ({original})",
            "check the permissions and the disk it is on",
        )
    if isinstance(original, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return None
    # the statements are ours and fit every catalog that is whole
    told = "names that are no text" if isinstance(original, UnicodeDecodeError) else original
    return IndexDamaged(
        f"{where} is damaged ({told})",
        f"{TO_MEND}; or restore it from a backup, or delete its folder and index the photos again",
    )


def index_missing(folder: Path) -> IndexMissing:
    """The error for a folder without a catalog."""
    return IndexMissing(
        f"there is no index in {shown(folder)}",
        f"make one with: segsearch index FOLDER --index {shown(folder)}",
    )


def read_only(path: Path) -> IndexReadOnly:
    """The error for a catalog that cannot be written to."""
    return IndexReadOnly(
        f"{shown(path)} cannot be written to",
        "make its folder writable, or index into another one",
    )
