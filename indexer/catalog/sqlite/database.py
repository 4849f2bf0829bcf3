"""The catalog's SQLite file: opened, read from, written to, and its failures in our words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote_from_bytes

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool

from indexer.catalog.sqlite.failures import (
    BUSY_SECONDS,
    SQLITE_ERRORS,
    in_our_words,
    index_missing,
    read_only,
)
from indexer.catalog.sqlite.journal import choose_journal, is_writable, leave_shared_memory
from model.errors import IndexReadOnly, StorageError, shown

CACHE_KIB = 32 * 1024  # a connection's page cache; SQLite's default of 2 MiB is below one photo's
MAPPED_BYTES = 1 << 40  # SQLite maps as much of it as it was built to, 2 GiB mostly
APPLICATION_ID = 0x53454753  # "SEGS": tells our files from other SQLite files


class Database:
    """Pooled connections to one SQLite file: threads may share it, each call takes its own.

    Args:
        path: the file; it must exist unless `create`.
        readonly: never write. Works while another process writes, and on read-only folders.
        create: make the file when it is not there.
        application_id: number in the file's header that tells whose file it is.

    Raises:
        IndexMissing, IndexReadOnly, IndexDamaged, IndexLocked, StorageFull: the name tells it;
        also raised by every later use.
    """

    def __init__(
        self,
        path: Path,
        *,
        readonly: bool = False,
        create: bool = False,
        application_id: int = APPLICATION_ID,
    ) -> None:
        self.path = path
        self.readonly = readonly
        self._application_id = application_id
        if not create and not path.is_file():
            raise index_missing(path.parent)
        if not readonly and not is_writable(path):
            raise read_only(path)
        self._mode = "ro" if readonly else "rwc" if create else "rw"
        self._frozen: tuple[int, int] | None = None
        self._reading = threading.local()
        self._open()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which all statements see one and the same commit, the last.

        Within another `reading` of the same thread it is that one, as of when that began.
        """
        outer: Connection | None = getattr(self._reading, "connection", None)
        if outer is not None:
            with in_our_words(self.path):
                yield outer
            return
        if self._frozen is not None and self._frozen != self._stamp():
            # somebody who may write here did, behind the back of a file taken for immutable
            self._engine.dispose()
            self._frozen = None
            self._open()
        with in_our_words(self.path), self._engine.connect() as connection:
            driver = _driver(connection)
            driver.execute("BEGIN")
            self._reading.connection = connection
            try:
                yield connection
            finally:
                self._reading.connection = None
                if not connection.invalidated:  # as an interruption leaves it, closed
                    with suppress(*SQLITE_ERRORS):  # a failing disk has ended it already
                        driver.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end, undone by any exception."""
        if self.readonly:
            raise read_only(self.path)
        with in_our_words(self.path), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                # some failures (a full disk) have ended the transaction already, and an
                # interruption in the middle of a statement has closed the whole connection
                # and where it cannot even be undone, the next connection finds it undone
                with suppress(*SQLITE_ERRORS):
                    if not connection.invalidated and _driver(connection).in_transaction:
                        _driver(connection).execute("ROLLBACK")
                raise

    def compact(self, *, always: bool = False) -> None:
        """Give the disk back what is not used any more, where that is a quarter of the file.

        It takes as much room again while it lasts, and that nobody else writes; where either is
        lacking, it is left for another time.

        Args:
            always: whether that is done however little it is, so that nothing is left of it.
        """
        with suppress(StorageError), in_our_words(self.path), self._engine.connect() as connection:
            driver = _driver(connection)
            pages, free = (
                driver.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("page_count", "freelist_count")
            )
            if always or 4 * free >= max(pages, 1):
                driver.execute("VACUUM")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _open(self) -> None:
        try:
            leave_shared_memory(self.path)
        except (OSError, StorageError):
            # a full disk: read the file as it is, where no log waits beside it
            if self.readonly and self._stamp()[1] == 0:
                self._frozen = self._stamp()
        self._engine = self._made_engine()
        try:
            self._look()
        except StorageError as error:
            self.close()
            if not self.readonly or os.access(self.path.parent, os.W_OK):
                raise
            if self._stamp()[1] > 0:
                raise IndexReadOnly(
                    f"{shown(self.path)} was left by a writer that was stopped, and cannot be"
                    " finished from here",
                    "open it once where its folder can be written to",
                ) from error
            # WAL readers share memory through a file beside the catalog. Where none can be made
            # and no log is left, SQLite may read the file as it is.
            self._frozen = self._stamp()
            self._engine = self._made_engine()
            self._look()

    def _look(self) -> None:
        with self.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")

    def _made_engine(self) -> Engine:
        return create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            isolation_level="AUTOCOMMIT",  # transactions begin and end in `writing`, nowhere else
            pool_reset_on_return=None,
        )

    def _connect(self) -> sqlite3.Connection:
        query = f"mode={self._mode}" + ("&immutable=1" if self._frozen else "")
        place = quote_from_bytes(os.fsencode(self.path.absolute()))
        connection = sqlite3.connect(
            f"file:{place}?{query}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # text that is damaged is read as it is, so that its seal can tell
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        if not self.readonly:
            choose_journal(connection, self.path, self._application_id)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys = ON")
        # some systems' SQLite writes zeros over all that is deleted
        connection.execute("PRAGMA secure_delete = OFF").fetchall()
        if self.readonly:
            # A search reads rows all over the file: mapped, each costs a page fault instead of a
            # call and a copy. Only who reads maps: a disk that fails under a mapped page ends the
            # process instead of failing the call, as it does under the mapped vectors.
            connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}").fetchall()
        # FULL, not NORMAL: in WAL, NORMAL may lose the last commits in a power cut, and the next
        # run would give their segment ids to other photos while a saved vector cache still knows
        # the lost ones. One fsync a photo is small beside embedding it.
        connection.execute("PRAGMA synchronous = FULL")

    def _stamp(self) -> tuple[int, int]:
        """Stamp that each writing changes: the file's time, and the size of the log beside it."""
        log = self.path.with_name(self.path.name + "-wal")
        try:
            return self.path.stat().st_mtime_ns, log.stat().st_size if log.exists() else 0
        except OSError:
            return 0, 0


def header_holds(path: Path) -> bool:
    """Whether those bytes of a catalog's header are right that are alike in all catalogs."""
    with path.open("rb") as file:
        header = file.read(100)
    return (
        len(header) < 100
        or (  # shorter where all is in the log yet
            header[:18] == b"SQLite format 3\0\x10\0"
            and header[18:20] in (b"\1\1", b"\2\2")
            and header[20:24] == b"\0\x40\x20\x20"
            # nought as long as the tables are in the log alone
            and header[44:48] in (bytes(4), b"\0\0\0\4")
            and header[52:60] in (bytes(8), bytes(7) + b"\1")
            and header[64:68] == bytes(4)
            and header[72:92] == bytes(20)
        )
    )


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


def fetched(connection: Connection, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of a statement, straight from SQLite, for reads on every search's path: there
    SQLAlchemy's result objects cost more than the answer."""
    return _driver(connection).execute(statement, parameters).fetchall()


def run_many(connection: Connection, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
    """A statement once for each of many parameters, straight through SQLite."""
    _driver(connection).executemany(statement, parameters)
