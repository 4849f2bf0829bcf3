"""Outcomes of a curation's stages by photo, in one file, so that a run goes on where it stopped.

An outcome bears the key of its stage, which tells of that stage and of all before it: a change
makes the stages from there on begin anew, and no other. What a stage begins is written down before
the photo is opened, so that a photo that kills the process is known after the third time.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from model.errors import CurationError, StorageFull, shown

MOST_ATTEMPTS = 3
KILLED = "the process ended three times while it was looked at"
_FULL = "database or disk is full"
_TABLES = """
CREATE TABLE IF NOT EXISTS outcomes (
    photo TEXT, stage TEXT, key TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (photo, stage)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    photo TEXT, stage TEXT, key TEXT NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (photo, stage)
) WITHOUT ROWID;
"""


class StageStore:
    """Outcomes and attempts, for any number of threads of one process.

    Args:
        file: SQLite file; made when missing.

    Raises:
        CurationError: the file is damaged, or another process works with it.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, Lock()
        self._connection = sqlite3.connect(
            file, timeout=0.5, isolation_level=None, check_same_thread=False
        )
        try:
            with self._told():
                self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.executescript(_TABLES)
        except CurationError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; the store is of no use any more."""
        self._connection.close()

    def outcome(self, photo: str, stage: str, key: str) -> Any | None:
        """Plain data that a stage gave for a photo under this key; None where it did not."""
        row = self._one(
            "SELECT key, data FROM outcomes WHERE photo = ? AND stage = ?", photo, stage
        )
        if row is None or row[0] != key:
            return None
        try:
            return json.loads(zlib.decompress(row[1]))
        except (zlib.error, ValueError, TypeError):  # damaged: it is made again
            return None

    def keep(self, photo: str, stage: str, key: str, data: Any) -> None:
        """Write down what a stage gave for a photo; its attempts are forgotten."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        packed = zlib.compress(text.encode(), 1)
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.execute(
                    "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?)",
                    (photo, stage, key, packed),
                )
                self._connection.execute(
                    "DELETE FROM attempts WHERE photo = ? AND stage = ?", (photo, stage)
                )
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def begin(self, photo: str, stage: str, key: str) -> bool:
        """Whether a stage may try a photo once more; if so, this attempt is written down."""
        row = self._one(
            "SELECT key, number FROM attempts WHERE photo = ? AND stage = ?", photo, stage
        )
        number = row[1] if row is not None and row[0] == key else 0
        if number >= MOST_ATTEMPTS:
            return False
        self._write(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " key = excluded.key, number = excluded.number",
            (photo, stage, key, number + 1, KILLED),
        )
        return True

    def failed(self, photo: str, stage: str, reason: str) -> None:
        """Write down why the attempt that was begun last came to nothing."""
        self._write(
            "UPDATE attempts SET reason = ? WHERE photo = ? AND stage = ?", (reason, photo, stage)
        )

    def taken_back(self, photo: str, stage: str) -> None:
        """Forget the attempt that was begun last: it was not the photo that ended it."""
        self._write(
            "UPDATE attempts SET number = number - 1 WHERE photo = ? AND stage = ?", (photo, stage)
        )

    def forget_attempts(self) -> None:
        """Forget all attempts: what was set aside is tried again."""
        self._write("DELETE FROM attempts", ())

    def reason(self, photo: str, stage: str) -> str:
        """Why the last attempt of a stage came to nothing."""
        row = self._one("SELECT reason FROM attempts WHERE photo = ? AND stage = ?", photo, stage)
        return KILLED if row is None else str(row[0])

    def _one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with self._told():
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
            return row

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._told():
            self._connection.execute(statement, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """One thread's turn with the file, whose errors are told as ours."""
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            where = shown(self._file)
            if _FULL in str(error):
                raise StorageFull(
                    f"{where} cannot grow ({error})", "make room, then go on"
                ) from error
            if "locked" in str(error):
                raise CurationError(
                    f"another process works with {where}", "wait for it, or name another folder"
                ) from error
            raise CurationError(
                f"{where} cannot be used ({error})", "delete it: what it holds is made again"
            ) from error
