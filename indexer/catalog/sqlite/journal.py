"""The journal of a SQLite file: a log beside it where processes can share memory, or a rollback."""

from __future__ import annotations

import mmap
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from indexer.catalog.sqlite.failures import in_our_words

_NO_SHARED_MEMORY = frozenset(
    {
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def leave_shared_memory(path: Path) -> None:
    """Bring a catalog that was written elsewhere into the journal that its place can hold.

    Raises:
        StorageError: the catalog cannot be written to.
    """
    with path.open("rb") as file:
        wants_memory = file.read(20)[18:20] == b"\2\2"
    if wants_memory and not shares_memory(path.parent) and is_writable(path):
        with (
            in_our_words(path),
            closing(sqlite3.connect(path, isolation_level=None)) as connection,
        ):
            _leave_wal(connection)


def shares_memory(folder: Path) -> bool:
    """Whether processes can share memory through a file in a folder, safe from a full disk.

    SQLite reserves such a file by one byte a page of memory. Where the disk's blocks are smaller,
    parts of it stay without room, and a disk that is full then ends the process.
    """
    if not hasattr(os, "statvfs"):
        return True
    try:
        return 0 < mmap.PAGESIZE <= max(os.statvfs(folder).f_frsize, 1)
    except OSError:
        return True


def choose_journal(connection: sqlite3.Connection, path: Path, application_id: int) -> None:
    """Write-ahead log where processes can share memory, else SQLite's rollback journal."""
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == application_id
    if not ours and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return  # somebody else's, or damaged: nothing is changed
    if shares_memory(path.parent):
        try:
            if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _NO_SHARED_MEMORY:
                raise
    _leave_wal(connection)


def _leave_wal(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()  # without shared memory
    connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
    connection.execute("PRAGMA locking_mode = NORMAL").fetchone()
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # lets the lock go


def is_writable(path: Path) -> bool:
    """Whether a file in a folder can be written to, or made."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
