"""A catalog whose file SQLite does not accept: what can be read is carried into a new one.

The bytes of a header that are the same in every catalog are set right, then the file is copied by
SQLite itself or, where that fails, row by row around what cannot be read. The damaged file stays
beside the new one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from indexer.catalog.sqlite.database import APPLICATION_ID, Database, header_holds
from indexer.catalog.sqlite.failures import SQLITE_ERRORS
from indexer.catalog.sqlite.migrations import migrate, newest_version
from indexer.catalog.sqlite.sealing import seal_sound_rows
from model.errors import IndexDamaged, StorageFull, shown

DAMAGED = "damaged"
"""Name of the folder, in the index folder, that keeps the files as they were."""

_PAGE = 4096
_OURS = {"manifest", "photos", "segments", "vectors", "photo_vectors", "files"}
_KEYS = {
    "manifest": "key", "revisions": "generation", "roots": "path", "photos": "id",
    "segments": "id", "vectors": "segment_id", "photo_vectors": "photo_id", "origins": "segment_id",
    "files": "path",
}  # fmt: skip
_MOST_GAPS = 4000
_LARGEST_KEY = 1 << 53


def rescue(path: Path) -> list[str]:
    """Make a catalog of what can be read of a damaged one; says what was done, a line each.

    Only for who holds the writer's lock.

    Raises:
        IndexDamaged: nothing can be read, or it was never a catalog; nothing is changed.
        StorageFull: there is no room for the new file.
    """
    try:
        if _mend_version(path):
            return ["set the version of the schema right"]
        with TemporaryDirectory(prefix="rescue-", dir=path.parent) as place:
            work, made = Path(place) / path.name, Path(place) / "made"
            _copy(path, work)
            set_header_right(work)
            how = _copied_whole(work, made) or _copied_by_rows(work, made)
            kept = path.parent / DAMAGED
            kept.mkdir(exist_ok=True)
            _copy(path, kept / path.name)
            with made.open("rb+") as file:
                os.fsync(file.fileno())
            for suffix in ("-wal", "-shm", "-journal"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            made.replace(path)
    except OSError as error:
        raise StorageFull(
            f"{shown(path)} could not be mended ({error.strerror})", "free some space, then again"
        ) from error
    return [f"{how}; the damaged file is kept in {shown(kept)}"]


def _copy(source: Path, target: Path) -> None:
    for suffix in ("", "-wal", "-journal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")


def _mend_version(path: Path) -> bool:
    """Set the numbers right that tell a catalog and its version, where all else is sound."""
    try:
        with closing(connected(path)) as connection:
            if not _is_sound(connection):
                return False
            version = _true_version(connection)
            told = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("user_version", "application_id")
            ]
            if told[1] == APPLICATION_ID and 1 <= told[0] <= newest_version():
                if not header_holds(path):
                    return False
                raise IndexDamaged(
                    f"{shown(path)} holds what no segsearch wrote, and its file is sound",
                    "restore it from a backup, or delete its folder and index the photos again",
                )
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except SQLITE_ERRORS:
        return False
    return True


def connected(path: Path) -> sqlite3.Connection:
    """A connection that reads text which is damaged as it is."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    return connection


def _is_sound(connection: sqlite3.Connection) -> bool:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    checked = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return tables >= _OURS and checked == ("ok",)


def _true_version(connection: sqlite3.Connection) -> int:
    """Version of the schema that the tables themselves show."""

    def columns(table: str) -> set[str]:
        return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}

    if columns("origins"):
        return 5
    if "seal" in columns("photos"):
        return 4
    if columns("revisions"):
        return 3
    # version 2 looks at each vector's length anyway
    return 1


def set_header_right(path: Path) -> None:
    """Write the bytes of the first hundred that are alike in all catalogs."""
    size = path.stat().st_size
    with path.open("rb+") as file:
        counter = file.read(28)[24:28].ljust(4, b"\0")
        for offset, value in (
            (0, b"SQLite format 3\0" + _PAGE.to_bytes(2, "big") + b"\2\2\0\x40\x20\x20"),
            (28, (size // _PAGE).to_bytes(4, "big") + bytes(8)),
            (44, (4).to_bytes(4, "big")),
            (52, bytes(4) + (1).to_bytes(4, "big")),
            (64, bytes(4)),
            (68, APPLICATION_ID.to_bytes(4, "big") + bytes(20) + counter),
        ):
            file.seek(offset)
            file.write(value)


def _copied_whole(source: Path, target: Path) -> str:
    """Let SQLite copy all there is; empty where it cannot."""
    try:
        with closing(connected(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        with closing(connected(target)) as connection:
            if not _is_sound(connection):
                raise sqlite3.DatabaseError
            connection.execute(f"PRAGMA user_version = {_true_version(connection)}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except SQLITE_ERRORS:
        target.unlink(missing_ok=True)
        return ""
    return "copied the catalog into a new file"


def _copied_by_rows(source: Path, target: Path) -> str:
    database = Database(target, create=True)
    try:
        migrate(database)
    finally:
        database.close()
    with closing(connected(source)) as old, closing(connected(target)) as new:
        new.execute("PRAGMA journal_mode = DELETE").fetchall()
        new.execute("DELETE FROM revisions")
        new.execute("BEGIN")
        carried = {table: _carry(old, new, table) for table in _KEYS}
        new.execute("INSERT INTO revisions SELECT coalesce(max(generation), 0) + 1, randomblob(16)"
                    " FROM revisions")  # fmt: skip
        new.execute("COMMIT")
    if not carried["manifest"]:
        raise IndexDamaged(
            f"{shown(source.name)} is damaged beyond repair",
            "restore it from a backup, or delete its folder and index the photos again",
        )
    if carried["photos"] and not _has_seals(target):
        database = Database(target)
        try:
            with database.writing() as connection:
                seal_sound_rows(connection)
        finally:
            database.close()
    with closing(connected(target)) as new:
        new.execute("PRAGMA journal_mode = DELETE").fetchall()
    return f"carried {carried['photos']} photos into a new file, row by row"


def _has_seals(path: Path) -> bool:
    with closing(connected(path)) as connection:
        found = connection.execute("SELECT 1 FROM photos WHERE seal NOT NULL LIMIT 1").fetchone()
    return found is not None


def _carry(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    """Carry the rows of a table over that can be read; how many."""
    columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    with suppress(*SQLITE_ERRORS):
        there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
        columns = [column for column in columns if column in there]
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    carried = 0
    numbered = table not in ("manifest", "roots", "files")
    for row in readable_rows(old, table, _KEYS[table], columns, numbered=numbered):
        with suppress(*SQLITE_ERRORS):  # a row that no catalog can hold
            carried += new.execute(statement, row).rowcount
    return carried


def readable_rows(
    old: sqlite3.Connection, table: str, key: str, columns: Sequence[str], *, numbered: bool
) -> Iterator[Any]:
    """Rows that can be read, from both ends and, where keys are numbers, around what cannot.

    Args:
        old: connection to a file that may be damaged.
        table: table to read.
        key: its primary key.
        columns: columns to read.
        numbered: whether keys are numbers from 1.
    """
    chosen = f"SELECT {key}, {', '.join(columns)} FROM {table}"
    last: Any = None
    step = 1
    for _ in range(_MOST_GAPS):
        where = "" if last is None else f" WHERE {key} > ?"
        try:
            for row in old.execute(
                f"{chosen}{where} ORDER BY {key}", () if last is None else (last,)
            ):
                last, step = row[0], 1
                yield row[1:]
            return
        except SQLITE_ERRORS:
            if not numbered:
                break
            last, step = (last or 0) + step, 2 * step
            if last > _LARGEST_KEY:
                break
    with suppress(*SQLITE_ERRORS):
        for row in old.execute(f"{chosen} ORDER BY {key} DESC"):
            yield row[1:]
