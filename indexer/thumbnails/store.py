"""Thumbnails that are kept: a cache beside the catalog, in one SQLite file that may be deleted.

Each belongs to a photo's content, so it stays right wherever the catalog is restored from, and is
sealed by a CRC-32. What cannot be read of the file is as if it were not there.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.errors import StorageError, StorageFull, shown

FILE = "thumbnails.sqlite"
_LONGEST = 1 << 20  # bytes of a thumbnail; what claims to be longer is damage
_BUSY_SECONDS = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS thumbnails (photo BLOB PRIMARY KEY, seal INTEGER, jpeg BLOB NOT NULL)
"""
_HASHES = "SELECT photo FROM thumbnails ORDER BY photo"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})


@dataclass(frozen=True)
class ThumbnailCare:
    """Findings of an examination of the thumbnails.

    Attributes:
        kept: number of photos of the index whose thumbnail is kept and whole.
        damaged: number of those that are not what was written, which are made anew when asked for.
        orphaned: number of thumbnails of photos that the index does not know.
        unreadable: why the file tells nothing; empty where it does, or is not there.
    """

    kept: int = 0
    damaged: int = 0
    orphaned: int = 0
    unreadable: str = ""


class Thumbnails:
    """The thumbnails kept in an index folder, by content hash; each call opens the file anew.

    Args:
        folder: index folder; the file in it is made by the first thumbnail.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def get(self, content_hash: bytes) -> bytes | None:
        """JPEG file of a photo; None where none is kept, or it is not what was written."""
        if not self.file.exists():
            return None
        query = "SELECT seal, jpeg FROM thumbnails WHERE photo = ? AND length(jpeg) < ?"
        try:
            with self._connection() as connection:
                row = connection.execute(query, (content_hash, _LONGEST)).fetchone()
        except sqlite3.Error:
            return None
        return row[1] if row is not None and _sound(content_hash, *row) else None

    def keep(self, made: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep JPEG files by content hashes, in one transaction; a file that is damaged goes.

        Raises:
            StorageError: the file cannot be written; StorageFull where the disk is full.
        """
        rows = [(digest, _seal(digest, jpeg), jpeg) for digest, jpeg in made]
        try:
            try:
                self._insert(rows)
            except sqlite3.Error as error:
                if _code(error) not in _DAMAGED:
                    raise
                self.remove()
                self._insert(rows)
        except (sqlite3.Error, OSError) as error:
            raise _explained(error, self.file) from error

    def count(self) -> int:
        """Number of thumbnails that are kept; 0 where that cannot be told."""
        if not self.file.exists():
            return 0
        try:
            with self._connection() as connection:
                return int(connection.execute("SELECT count(*) FROM thumbnails").fetchone()[0])
        except sqlite3.Error:
            return 0

    def examine(self, known: Iterable[bytes], *, fix: bool = False) -> ThumbnailCare:
        """Look at each thumbnail.

        Args:
            known: content hashes of the index' photos, ascending.
            fix: drop what is damaged or orphaned; a file that tells nothing is removed.

        Raises:
            StorageError: damage cannot be mended.
        """
        if not self.file.exists():
            return ThumbnailCare()
        try:
            with self._connection() as connection:
                for (line,) in connection.execute("PRAGMA integrity_check(1)"):
                    if line != "ok":
                        raise sqlite3.DatabaseError(line)
                kept, damaged, orphaned = _sorted_out(connection, known)
                if fix:
                    _drop(connection, [*damaged, *orphaned])
            return ThumbnailCare(kept, len(damaged), len(orphaned))
        except sqlite3.Error as error:
            if fix:
                self.remove()
            return ThumbnailCare(unreadable=str(error))

    def drop_orphans(self, known: Iterable[bytes]) -> None:
        """Drop thumbnails of photos that an index does not know.

        Args:
            known: content hashes of its photos, ascending.

        Raises:
            StorageError: the file cannot be written.
        """
        if not self.file.exists():
            return
        try:
            with self._connection() as connection:
                kept = (row[0] for row in connection.execute(_HASHES))
                _drop(connection, _missing(kept, known))
        except sqlite3.Error as error:
            raise _explained(error, self.file) from error

    def remove(self) -> None:
        """Remove the file, and what a killed transaction left beside it.

        Raises:
            StorageError: the file cannot be removed.
        """
        try:
            for name in (FILE, f"{FILE}-journal"):
                self.file.with_name(name).unlink(missing_ok=True)
        except OSError as error:
            raise _explained(error, self.file) from error

    def _insert(self, rows: list[tuple[bytes, int, bytes]]) -> None:
        with self._connection() as connection:
            connection.execute(_TABLE)
            connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", rows)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Connection with one transaction, committed where the block ends well."""
        # A rollback journal, not a log: reading needs no file beside, so it works where nothing
        # may be written, and on any disk.
        with closing(sqlite3.connect(self.file, timeout=_BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            with connection:
                yield connection


def _sorted_out(
    connection: sqlite3.Connection, known: Iterable[bytes]
) -> tuple[int, list[bytes], list[bytes]]:
    """Number of sound thumbnails, and the hashes of the damaged and of the orphaned ones."""
    damaged: list[bytes] = []
    hashes: list[bytes] = []
    query = "SELECT photo, seal, CASE WHEN length(jpeg) < ? THEN jpeg END FROM thumbnails"
    for digest, seal, jpeg in connection.execute(f"{query} ORDER BY photo", (_LONGEST,)):
        (hashes if _sound(digest, seal, jpeg) else damaged).append(digest)
    orphaned = _missing(iter(hashes), known)
    return len(hashes) - len(orphaned), damaged, orphaned


def _missing(kept: Iterator[bytes], known: Iterable[bytes]) -> list[bytes]:
    """Those of the kept hashes that are not known; both ascend."""
    missing: list[bytes] = []
    others = iter(known)
    other = next(others, None)
    for digest in kept:
        while other is not None and isinstance(digest, bytes) and other < digest:
            other = next(others, None)
        if digest != other:
            missing.append(digest)
    return missing


def _drop(connection: sqlite3.Connection, hashes: list[bytes]) -> None:
    connection.executemany("DELETE FROM thumbnails WHERE photo IS ?", [(each,) for each in hashes])


def _seal(content_hash: bytes, jpeg: bytes) -> int:
    return zlib.crc32(jpeg, zlib.crc32(content_hash))


def _sound(content_hash: object, seal: object, jpeg: object) -> bool:
    return (
        isinstance(content_hash, bytes)
        and isinstance(jpeg, bytes)
        and seal == _seal(content_hash, jpeg)
    )


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _explained(error: sqlite3.Error | OSError, file: Path) -> StorageError:
    if isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_FULL:
        return StorageFull(f"the disk of {shown(file)} is full", "free some space, then try again")
    return StorageError(
        f"{shown(file)} cannot be written ({shown(error)})", "check its permissions and its disk"
    )
