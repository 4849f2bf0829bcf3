"""What can be read of a damaged file of user data, carried into a new one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from indexer.catalog.sqlite.failures import SQLITE_ERRORS
from indexer.catalog.sqlite.recovery import (
    DAMAGED,
    connected,
    readable_rows,
    set_header_right,
)
from indexer.user_data.user_database import FILE_NAME, KEPT, UserDatabase, is_sealed, put
from model.errors import StorageFull, shown

_BESIDE = ("", "-wal", "-journal", "-shm")


def rescue(folder: Path) -> list[str]:
    """Carry the rows that are whole into a new file; says what was done, a line each.

    The damaged file is kept in the folder `damaged`, whatever could be read.

    Args:
        folder: index folder, whose user data are damaged.

    Raises:
        StorageFull: there is no room for it; nothing is changed.
    """
    path = folder / FILE_NAME
    try:
        with TemporaryDirectory(prefix="rescue-", dir=folder) as place:
            work = Path(place)
            for suffix in ("", "-wal", "-journal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{suffix}", work / f"{FILE_NAME}{suffix}")
            found = _rows_of(work / FILE_NAME)
            made = UserDatabase(work / "made")
            made.folder.mkdir()
            with made.writing() as connection:
                for table, rows in found.items():
                    for row in rows:
                        put(connection, table, row[1:-1])
            kept = _free_name(folder / DAMAGED)
            kept.parent.mkdir(exist_ok=True)
            for suffix in _BESIDE:
                with suppress(FileNotFoundError):
                    Path(f"{path}{suffix}").rename(f"{kept}{suffix}")
            made.path.rename(path)
    except OSError as error:
        raise StorageFull(
            f"{shown(path)} could not be mended ({error.strerror})", "free some space, then again"
        ) from error
    counts = ", ".join(f"{len(rows)} of '{table}'" for table, rows in found.items())
    return [f"carried {counts} into a new {FILE_NAME}; the damaged file is {shown(kept)}"]


def _rows_of(path: Path) -> dict[str, list[Sequence[Any]]]:
    """Rows of each table whose seals are right, as the file stands, else by a mended header."""
    found = _readable(path)
    if not any(found.values()):
        set_header_right(path)
        found = _readable(path)
    return found


def _readable(path: Path) -> dict[str, list[Sequence[Any]]]:
    found: dict[str, list[Sequence[Any]]] = {table: [] for table in KEPT}
    for table, columns in KEPT.items():
        with suppress(*SQLITE_ERRORS), closing(connected(path)) as connection:
            rows: dict[int, Sequence[Any]] = {}
            wanted = (*columns, "seal")
            for row in readable_rows(connection, table, "id", wanted, numbered=True):
                if is_sealed(row):
                    rows[row[0]] = row
            found[table] = [rows[number] for number in sorted(rows)]
    return found


def _free_name(folder: Path) -> Path:
    """A name in a folder that no file has, so that nothing kept before is lost."""
    place, number = folder / FILE_NAME, 1
    while place.exists():
        number += 1
        place = folder / f"{number}-{FILE_NAME}"
    return place
