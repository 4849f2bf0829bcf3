"""Seals: a checksum in each row, so that a row that is not what was written shows itself.

SQLite notices damage to its own structure, not to a number or a name in it. A seal is the CRC-32
of the row's other values; it is written by the transaction that writes the row, and compared by
whoever reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import Connection

from indexer.catalog.sqlite.database import fetched, run_many

SEALED: dict[str, tuple[str, ...]] = {
    "photos": (
        "id", "content_hash", "format", "height", "width", "orientation", "taken_at", "camera",
        "latitude", "longitude", "perceptual_hash", "frame_height", "frame_width",
        "first_segment", "segment_count", "seconds", "pixel_digest", "taken_offset",
        "taken_source",
    ),
    "segments": ("id", "photo_id", "parent", "area", "quality", "box", "counts"),
    "vectors": ("segment_id", "vector"),
    "photo_vectors": ("photo_id", "vector"),
    "origins": ("segment_id", "prompt", "proposer"),
    "files": ("path", "name_start", "size", "mtime_ns", "photo_id", "kind", "reason"),
}  # fmt: skip
"""The sealed tables and the columns under their seals, in order, the primary key first."""

_ROWS_AT_ONCE = 8192


def seal_of(values: Iterable[Any]) -> int:
    """Seal of a row's values as SQLite gives them, in the order of `SEALED`."""
    return crc32(ascii(tuple(values)).encode("ascii"))


def seal_of_vector(owner: object, vector: object) -> int:
    """Seal of a row of `vectors` or `photo_vectors`: there are many, and they are read at once."""
    if type(owner) is not int or type(vector) is not bytes:
        return -1
    return crc32(vector, owner & 0xFFFFFFFF)


def is_sealed(table: str, row: Sequence[Any]) -> bool:
    """Whether a row, its columns as in `SEALED` and its seal at the end, is what was written."""
    *values, seal = row
    if table.endswith("vectors"):
        return bool(seal == seal_of_vector(*values))
    return bool(seal == seal_of(values))


def selected(table: str, prefix: str = "") -> str:
    """Columns of a sealed table and its seal, for a SELECT."""
    return ", ".join(prefix + column for column in (*SEALED[table], "seal"))


def insert_sealed(connection: Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows of a table with their seals.

    Args:
        connection: connection in a transaction.
        table: a sealed table.
        rows: values of each as SQLite gives them back, in the order of `SEALED`.
    """
    columns = (*SEALED[table], "seal")
    seal = seal_of if not table.endswith("vectors") else lambda row: seal_of_vector(*row)
    run_many(
        connection,
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        ((*row, seal(row)) for row in rows),
    )


def seal_rows(connection: Connection, table: str, condition: str, *parameters: Any) -> None:
    """Seal the rows of a table that meet a condition in SQL."""
    key, columns = SEALED[table][0], ", ".join(SEALED[table])
    rows = fetched(connection, f"SELECT {columns} FROM {table} WHERE {condition}", *parameters)
    seal = seal_of if not table.endswith("vectors") else lambda row: seal_of_vector(*row)
    run_many(
        connection,
        f"UPDATE {table} SET seal = ? WHERE {key} = ?",
        [(seal(row), row[0]) for row in rows],
    )
