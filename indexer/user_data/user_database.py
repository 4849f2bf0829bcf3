"""The file of what a user keeps beside an index: opened, written to, checked.

It is a file of its own, so that it can be written while an indexing run holds the writer's lock,
and so that it outlives a catalog that is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.sqlite.database import Database, fetched
from indexer.catalog.sqlite.failures import index_missing
from indexer.catalog.sqlite.seals import seal_of
from model.errors import (
    IndexDamaged,
    IndexReadOnly,
    IndexTooNew,
    UserDataDamaged,
    shown,
)

FILE_NAME = "user.sqlite"
APPLICATION_ID = 0x53454755  # "SEGU"
TO_MEND = "segsearch doctor --fix saves what can be saved, and keeps the damaged file"
KEPT: dict[str, tuple[str, ...]] = {
    "searches": ("id", "name", "created_at", "record", "seen"),
    "history": ("id", "at", "record"),
    "judgements": ("id", "name", "item", "at", "record"),
    "settings": ("id", "name", "value"),
}
"""The tables and their columns under the seal, the primary key first."""


def first_tables(connection: Connection) -> None:
    """Version 1: saved searches, history, judgements, settings; each row sealed."""
    for statement in (
        """CREATE TABLE searches (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            created_at TEXT NOT NULL,
            record TEXT NOT NULL,
            seen TEXT NOT NULL,
            seal INTEGER NOT NULL
        )""",
        """CREATE TABLE history (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            record TEXT NOT NULL,
            seal INTEGER NOT NULL
        )""",
        """CREATE TABLE judgements (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            item TEXT NOT NULL,
            at TEXT NOT NULL,
            record TEXT NOT NULL,
            seal INTEGER NOT NULL,
            UNIQUE (name, item)
        )""",
        """CREATE TABLE settings (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            value TEXT NOT NULL,
            seal INTEGER NOT NULL
        )""",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ):
        connection.exec_driver_sql(statement)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (first_tables,)
"""Steps of the schema, never edited once released; `PRAGMA user_version` counts those that ran."""


class UserDatabase:
    """The file in an index folder; nothing is held open between two uses.

    Any number of processes may read and write it; a file that is not there is made by the first
    that writes, and holds nothing for those who read.

    Args:
        folder: index folder.

    Raises (every use):
        UserDataDamaged: the file or a row of it is not what was written.
        IndexTooNew: a newer segsearch made the file.
        IndexReadOnly, IndexLocked, StorageFull, StorageError: the name tells it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME

    def rows(
        self, table: str, condition: str = "1", *parameters: Any, order: str = "id"
    ) -> list[tuple[Any, ...]]:
        """Rows of a table that meet a condition in SQL: the columns of `KEPT`, without the seal."""
        if not self.path.exists():
            return []
        with self._opened(readonly=True) as database, database.reading() as connection:
            found = fetched(
                connection,
                f"SELECT {', '.join(KEPT[table])}, seal FROM {table}"
                f" WHERE {condition} ORDER BY {order}",
                *parameters,
            )
        if not all(is_sealed(row) for row in found):
            raise damaged(self.path, f"a row of '{table}' is not what was written")
        return [row[:-1] for row in found]

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        if not self.path.exists():
            return 0
        with self._opened(readonly=True) as database, database.reading() as connection:
            return int(fetched(connection, f"SELECT count(*) FROM {table}")[0][0])

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end, undone by any exception.

        Raises:
            IndexMissing: there is no index folder.
        """
        if not self.folder.is_dir():
            raise index_missing(self.folder)
        with self._opened(readonly=False) as database, database.writing() as connection:
            yield connection

    def forget(self, table: str, condition: str = "1", *parameters: Any) -> int:
        """Delete rows so that no byte of them is left in the file; returns how many went."""
        if not self.path.exists():
            return 0
        with self._opened(readonly=False) as database:
            with database.writing() as connection:
                statement = f"DELETE FROM {table} WHERE {condition}"
                gone = connection.exec_driver_sql(statement, parameters).rowcount
            if gone:
                database.compact(always=True)
        return gone

    def check(self) -> list[str]:
        """Faults of the file and its rows, a line each."""
        if not self.path.exists():
            return []
        try:
            with self._opened(readonly=True) as database, database.reading() as connection:
                told = fetched(connection, "PRAGMA integrity_check(1)")
            if told != [("ok",)]:
                raise damaged(self.path, str(told[0][0]))
            for table in KEPT:
                self.rows(table)
        except (UserDataDamaged, IndexTooNew) as error:
            return [str(error)]
        return []

    @contextmanager
    def _opened(self, *, readonly: bool) -> Iterator[Database]:
        try:
            database = Database(
                self.path, readonly=readonly, create=not readonly, application_id=APPLICATION_ID
            )
            try:
                self._bring_up(database)
                yield database
            finally:
                database.close()
        except IndexDamaged as error:
            raise damaged(self.path, error.what) from error
        except IndexReadOnly as error:
            raise IndexReadOnly(error.what, "make its folder writable") from error

    def _bring_up(self, database: Database) -> None:
        """Bring the file to the newest schema, one transaction a step."""
        with database.reading() as connection:
            version = _version(connection, self.path)
        while version < len(MIGRATIONS):
            if database.readonly:
                # what is not finished being made holds nothing; an older one is brought up first
                with self._opened(readonly=False):
                    return
            with database.writing() as connection:
                version = _version(connection, self.path)  # another process may have been quicker
                if version < len(MIGRATIONS):
                    MIGRATIONS[version](connection)
                    version += 1
                    connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def put(connection: Connection, table: str, values: Sequence[Any]) -> int:
    """Write a sealed row in the place of those with its unique values; returns its id.

    Args:
        connection: connection of a transaction.
        table: table of the row.
        values: values of its columns but the id.
    """
    columns = KEPT[table]
    marks = ", ".join("?" * (len(columns) + 1))
    statement = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}, seal) VALUES ({marks})"
    last = connection.exec_driver_sql(
        f"SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0),"
        f" coalesce((SELECT max(id) FROM {table}), 0))"
    ).scalar_one()
    row = (int(last) + 1, *values)
    connection.exec_driver_sql(statement, (*row, seal_of(row)))
    return int(row[0])


def is_sealed(row: Sequence[Any]) -> bool:
    """Whether a row, its seal at the end, is what was written."""
    return bool(row[-1] == seal_of(row[:-1]))


def damaged(path: Path, what: str) -> UserDataDamaged:
    """The error for a file that is not what was written."""
    where = shown(path)
    return UserDataDamaged(what if where in what else f"{where} is damaged ({what})", TO_MEND)


def _version(connection: Connection, path: Path) -> int:
    """Version of the schema; 0 where nothing was made yet.

    Raises:
        UserDataDamaged: the file is not ours.
        IndexTooNew: a newer segsearch made it.
    """
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    told = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars())
    if not tables:
        return 0
    if told != APPLICATION_ID or not 1 <= version < 1000 or not tables >= KEPT.keys():
        raise damaged(path, "it does not tell what it is")
    if version > len(MIGRATIONS):
        raise IndexTooNew(
            f"{shown(path)} has schema version {version}, this segsearch knows up to"
            f" {len(MIGRATIONS)}",
            "upgrade segsearch",
        )
    return version
