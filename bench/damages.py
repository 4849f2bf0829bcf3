"""Damages of an index and of weights: one value, byte, page, row, file or tensor at a time."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

CATALOG, CACHE = "catalog.sqlite", "vectors.faiss"
VALUES: tuple[Any, ...] = (
    0, -1, 1, 2**40, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "text", "é", b"", b"\0" * 16,
    b"\xff" * 40, None, "2001-01-01 00:00:00.000000",
)  # fmt: skip
TEXTS = ("", "x", "-3", "9" * 5000, "[" * 9999, "7")
KINDS = ("field", "byte", "header", "page", "cache", "row", "manifest")
"""Kinds of damage to an index."""


def set_field(catalog: Path, chance: random.Random) -> str:
    with closing(sqlite3.connect(catalog)) as database, database:
        tables = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        table = chance.choice(tables)
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column, value = chance.choice(columns), chance.choice(VALUES)
        key = columns[0]
        rows = database.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
        if not rows:
            return "nothing"
        row = chance.choice(rows)
        if type(row[1]) is int and chance.random() < 0.3:
            value = row[1] + chance.choice((-1, 1))
        if type(row[1]) is bytes and row[1] and chance.random() < 0.6:
            harmed = bytearray(row[1])
            harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
            value = bytes(harmed)
        database.execute("PRAGMA ignore_check_constraints = ON")
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {key} IS ?", (value, row[0]))
        except sqlite3.Error as error:
            return f"nothing ({error})"
    return f"{table}.{column} of {row[0]!r} set to {value!r}"


def drop_rows(catalog: Path, chance: random.Random) -> str:
    with closing(sqlite3.connect(catalog)) as database, database:
        tables = ("photos", "segments", "vectors", "photo_vectors", "origins", "files", "revisions",
                  "sqlite_sequence", "roots")  # fmt: skip
        table = chance.choice(tables)
        if chance.random() < 0.5:
            database.execute(f"DELETE FROM {table}")
            return f"{table} emptied"
        key = database.execute(f"PRAGMA table_info({table})").fetchone()[1]
        keys = [row[0] for row in database.execute(f"SELECT {key} FROM {table}")]
        gone = chance.choice(keys) if keys else None
        database.execute(f"DELETE FROM {table} WHERE {key} IS ?", (gone,))
    return f"row {gone!r} of {table} dropped"


def harm_manifest(catalog: Path, chance: random.Random) -> str:
    with closing(sqlite3.connect(catalog)) as database, database:
        if chance.random() < 0.3:
            database.execute("DELETE FROM manifest")
            return "manifest emptied"
        keys = [row[0] for row in database.execute("SELECT key FROM manifest")]
        key, value = chance.choice(keys), chance.choice(TEXTS)
        database.execute("UPDATE manifest SET value = ? WHERE key = ?", (value, key))
    return f"manifest's {key} set to {value[:20]!r}"


def harm_bytes(file: Path, first: int, last: int, chance: random.Random, length: int = 1) -> str:
    data = bytearray(file.read_bytes())
    place = chance.randrange(first, min(last, len(data)))
    if length > 1:
        place -= place % length
        data[place : place + length] = chance.choice((bytes(length), b"\xaa" * length))
    else:
        data[place] = chance.choice((data[place] ^ (1 << chance.randrange(8)), 0, 255))
    file.write_bytes(data)
    return f"{length} bytes at {place} of {file.name}"


def harm(index: Path, kind: str, chance: random.Random) -> str:
    """Do one damage; says what."""
    catalog = index / CATALOG
    if kind == "field":
        return set_field(catalog, chance)
    if kind == "row":
        return drop_rows(catalog, chance)
    if kind == "manifest":
        return harm_manifest(catalog, chance)
    if kind == "header":
        return harm_bytes(catalog, 0, 110, chance)
    if kind == "page":
        return harm_bytes(catalog, 0, 1 << 60, chance, 4096)
    return harm_bytes(index / (CACHE if kind == "cache" else CATALOG), 0, 1 << 60, chance)


def harm_weights(folder: Path, chance: random.Random) -> str:
    """Do one damage to a file of a preset's weights, which lie below the preset's folder."""
    files = sorted(p for p in folder.glob("*/**/*") if p.is_file())
    file = chance.choice(files)
    name, size = file.relative_to(folder), file.stat().st_size
    kind = chance.choice(("byte", "head", "head", "block", "cut", "other", "empty", "gone"))
    if kind == "byte":
        return harm_bytes(file, 0, size, chance)
    if kind == "head":
        return harm_bytes(file, 0, min(size, 4096), chance)
    if kind == "block":
        return harm_bytes(file, 0, size, chance, min(4096, size))
    if kind == "cut":
        data = file.read_bytes()
        file.write_bytes(data[: chance.randrange(size)])
        return f"{name} cut short"
    if kind == "other":
        other = chance.choice(files)
        file.write_bytes(other.read_bytes())
        return f"{name} replaced by {other.name}"
    file.unlink()
    if kind == "empty":
        file.touch()
    return f"{name} {kind}"
