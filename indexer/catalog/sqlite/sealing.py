"""Rows of a catalog that has no seals yet, or has lost them: judged, and sealed where sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.row_records import Owner
from indexer.catalog.sqlite.database import fetched, run_many
from indexer.catalog.sqlite.row_faults import photo_fault, segment_faults, vector_faults
from indexer.catalog.sqlite.seals import SEALED, seal_of, seal_of_vector

_ROWS_AT_ONCE = 4096
Rows = list[tuple[Any, ...]]


def stored_dimension(connection: Connection) -> int:
    """Components of the catalog's vectors, or 0 where that is not known."""
    told = fetched(connection, "SELECT value FROM manifest WHERE key = 'dimension'")
    text = told[0][0] if told else None
    return int(text) if type(text) is str and text.isascii() and text.isdigit() else 0


def seal_sound_rows(connection: Connection) -> None:
    """Seal every row that holds what a row can hold."""
    dimension = stored_dimension(connection)

    def sound_photos(rows: Rows) -> list[bool]:
        return [not photo_fault((*row, seal_of(row))) for row in rows]

    def sound_segments(rows: Rows) -> list[bool]:
        owners = _owners(connection, rows)
        sealed = [(*row, seal_of(row)) for row in rows]
        return [not fault for fault in segment_faults(sealed, owners)]

    def sound_vectors(rows: Rows) -> list[bool]:
        sealed = [(*row, seal_of_vector(*row)) for row in rows]
        return [not fault for fault in vector_faults(sealed, dimension)]

    def sound_files(rows: Rows) -> list[bool]:
        return [type(row[0]) is bytes for row in rows]

    _seal(connection, "photos", sound_photos)
    _seal(connection, "segments", sound_segments)
    _seal(connection, "vectors", sound_vectors)
    _seal(connection, "photo_vectors", sound_vectors)
    _seal(connection, "files", sound_files)


def _seal(connection: Connection, table: str, sound: Callable[[Rows], list[bool]]) -> None:
    of = (lambda row: seal_of_vector(*row)) if table.endswith("vectors") else seal_of
    for rows in blocks(connection, table, ", ".join(SEALED[table])):
        run_many(
            connection,
            f"UPDATE {table} SET seal = ? WHERE {SEALED[table][0]} = ?",
            [(of(row), row[0]) for row, good in zip(rows, sound(rows), strict=True) if good],
        )


def blocks(connection: Connection, table: str, columns: str) -> Iterator[Rows]:
    """All rows of a sealed table by its key, which is the first of the columns."""
    key = SEALED[table][0]
    rows = fetched(
        connection, f"SELECT {columns} FROM {table} ORDER BY {key} LIMIT {_ROWS_AT_ONCE}"
    )
    while rows:
        yield rows
        rows = fetched(
            connection,
            f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {_ROWS_AT_ONCE}",
            rows[-1][0],
        )


def _owners(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[Owner]:
    """Facts that the photos of some rows of `segments` tell of them."""
    nobody = Owner(None, None, None, None, None)
    found: dict[Any, Owner] = {}
    for row in rows:
        if row[1] not in found:
            owner = fetched(
                connection, f"SELECT {', '.join(Owner._fields)} FROM photos WHERE id = ?", row[1]
            )
            found[row[1]] = Owner(*owner[0]) if owner else nobody
    return [found[row[1]] for row in rows]
