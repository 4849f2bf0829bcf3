"""Database: connections to a catalog in PostgreSQL, and its transactions."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import psycopg
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg.types import TypeInfo
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from indexer.catalog.postgres import failures
from indexer.catalog.postgres.binary_arrays import BinaryArray, BinaryArrayDumper
from indexer.location import Location
from model.errors import IndexReadOnly, StorageAway, shown

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[Any, ...]
Cursor = psycopg.Cursor[Row]
Status = psycopg.pq.TransactionStatus
T = TypeVar("T")

PATIENCE = 120.0
"""Seconds for which a transaction that a server breaks off is tried again."""
CONNECT_SECONDS = "10"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MOST_CONNECTIONS = 30
_LONGEST_PAUSE = 5.0
_STALE = 0.5  # seconds: connections of before a restart of the server are found out


class Database:
    """Connections to one schema. Threads may share it.

    Args:
        location: place of the catalog.
        readonly: refuse to write.
        patience: seconds for which a transaction is tried again while the server is away.
        durable: wait for the server's disk at each commit.
        met: take it that the server is there, and be patient from the first time on.

    Raises (every method):
        StorageAway: the server does not answer, or broke off.
        StorageError: it refuses; the line says why.
    """

    def __init__(
        self,
        location: Location,
        *,
        readonly: bool = False,
        patience: float = PATIENCE,
        durable: bool = True,
        met: bool = False,
    ) -> None:
        self.location = location
        self.readonly = readonly
        self._patience = patience
        self._durable = durable
        self._met = met  # whether the server ever answered
        self._reading = threading.local()
        self._pool = QueuePool(
            self._connect,  # type: ignore[arg-type]  # asks for less than a DBAPI's connection
            pool_size=4,
            max_overflow=_MOST_CONNECTIONS,
            reset_on_return=None,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._pool.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which all statements see one and the same commit, the last.

        Within another `reading` of the same thread it is that one, as of when that began.
        """
        outer: Connection | None = getattr(self._reading, "connection", None)
        if outer is not None:
            with self.in_our_words():
                yield outer
            return
        with self.in_our_words(), self._begun(_SNAPSHOT, self._reading_patience) as connection:
            self._reading.connection = connection
            try:
                yield connection
            finally:
                self._reading.connection = None

    def write(self, deed: Callable[[Connection], T], *, again: bool = True) -> T:
        """What `deed` gives, in one transaction, undone by any exception.

        Args:
            deed: statements of the transaction; run anew where the server broke off, also where
                nobody knows whether it had been committed.
            again: whether it may be.
        """
        if self.readonly:
            raise IndexReadOnly(
                f"{shown(self.location)} is open for reading", "open it for writing"
            )

        def attempt() -> T:
            with self.in_our_words(), self._begun("BEGIN") as connection:
                done = deed(connection)
                connection.execute("COMMIT")
                return done

        return self._patiently(attempt, self._patience if again and self._met else 0)

    def run(self, statement: str, *values: Any) -> list[Row]:
        """Rows of one statement that is a transaction by itself; run anew as in `write`, where this
        is not open for reading. Within a `reading` of the same thread it is part of that."""
        if getattr(self._reading, "connection", None) is not None:
            with self.reading() as connection:
                return fetched(connection, statement, *values)

        def attempt() -> list[Row]:
            with self.in_our_words(), self._begun(None) as connection:
                cursor = connection.execute(statement, values or None, binary=True)
                return cursor.fetchall() if cursor.description else []

        return self._patiently(attempt, self._reading_patience)

    def _patiently(self, attempt: Callable[[], T], patience: float) -> T:
        until = time.monotonic() + patience
        pause = 0.05
        while True:
            try:
                return attempt()
            except StorageAway:
                if time.monotonic() + pause > until:
                    raise
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, _LONGEST_PAUSE)

    @property
    def _reading_patience(self) -> float:
        """Seconds: whoever asks a question, or asks for the first time, would rather be told."""
        return self._patience if self._met and not self.readonly else _STALE

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection without a transaction, for statements that bear none."""
        with self.in_our_words(), self._begun(None) as connection:
            yield connection

    @contextmanager
    def in_our_words(self) -> Iterator[None]:
        """What PostgreSQL says, said as an error of ours."""
        try:
            yield
        except psycopg.Error as error:
            said = failures.explained(error, self.location)
            if said is None:
                raise
            raise said from error

    @contextmanager
    def _begun(self, begin: str | None, patience: float = 0) -> Iterator[Connection]:
        """A connection of the pool in a new transaction; undone unless it was committed."""
        kept, connection = self._patiently(lambda: self._lent(begin), patience)
        ended = False
        try:
            yield connection
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            # an interruption may have left a statement under way
            status = connection.info.transaction_status
            if ended and status != Status.IDLE and status != Status.UNKNOWN:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            if ended and connection.info.transaction_status == Status.IDLE:
                kept.close()
            else:
                kept.invalidate()
                connection.close()

    def _lent(self, begin: str | None) -> tuple[PoolProxiedConnection, Connection]:
        """A connection that answers: those of before a restart of the server do not."""
        for attempt in range(_MOST_CONNECTIONS):
            kept = self._pool.connect()
            connection = cast(Connection, kept.driver_connection)
            try:
                if begin:
                    connection.execute(begin)
                return kept, connection
            except psycopg.Error:
                old = connection.closed or connection.broken
                kept.invalidate()
                if not old or attempt == _MOST_CONNECTIONS - 1:
                    raise
            except BaseException:
                kept.invalidate()
                raise
        raise AssertionError("the last attempt returns or raises")

    def _connect(self) -> Connection:
        told = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "segsearch",
            **self.location.parameters,
        }
        try:
            connection = psycopg.connect(**cast(Any, told), autocommit=True)
        except psycopg.Error as error:
            raise failures.not_connected(error, self.location) from error
        self._met = True
        # beside raising it, it tells by a line where a connection broke
        logging.getLogger("psycopg").setLevel(logging.ERROR)
        try:
            # the extension's types are wherever its owner put them
            connection.execute(
                "SELECT set_config('search_path', concat_ws(', ', quote_ident(%s),"
                " (SELECT quote_ident(nspname) FROM pg_extension AS e"
                " JOIN pg_namespace AS n ON n.oid = e.extnamespace"
                " WHERE extname = 'vector' AND nspname <> 'pg_catalog')), false)",
                (self.location.schema,),
            )
            if not self._durable:
                connection.execute("SET synchronous_commit = off")
            if (half := TypeInfo.fetch(connection, "halfvec")) is not None:
                register_halfvec_info(connection, half)
            connection.adapters.register_dumper(BinaryArray, BinaryArrayDumper)
        except BaseException:
            connection.close()
            raise
        return connection


def fetched(connection: Connection, statement: str, *parameters: Any) -> list[Row]:
    """All rows of a statement, in PostgreSQL's binary form: numbers to the last bit."""
    return connection.execute(statement, parameters or None, binary=True).fetchall()


def run_many(connection: Connection, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
    """A statement once for each of many parameters, in one go."""
    if parameters:
        connection.cursor().executemany(statement, parameters)
