"""The catalog's schema, version by version.

Each migration is a function, lasts one transaction together with the version it leads to, and is
never edited once released. `PRAGMA user_version` counts those that have run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import vector_codec
from indexer.catalog.sqlite.database import APPLICATION_ID
from indexer.catalog.sqlite.sealing import seal_sound_rows, stored_dimension
from indexer.catalog.sqlite.stored_manifest import seal_manifest
from model.errors import IndexTooNew, shown

_ROWS_AT_ONCE = 8192

Migration = Callable[[Connection], None]


class Writable(Protocol):
    """Something that opens transactions, and says where."""

    path: Path

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction."""

    def compact(self) -> None:
        """Give the disk back what is not used any more."""


def first_tables(connection: Connection) -> None:
    """Version 1: photos, their segments, vectors and files."""
    for statement in (
        "CREATE TABLE manifest (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE state (id INTEGER NOT NULL PRIMARY KEY, generation INTEGER NOT NULL)",
        "INSERT INTO state VALUES (1, 0)",
        "CREATE TABLE roots (path BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID",
        """CREATE TABLE photos (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            content_hash BLOB NOT NULL UNIQUE,
            format TEXT NOT NULL,
            height INTEGER NOT NULL,
            width INTEGER NOT NULL,
            orientation INTEGER NOT NULL,
            taken_at DATETIME,
            camera TEXT,
            latitude DOUBLE,
            longitude DOUBLE,
            perceptual_hash INTEGER NOT NULL,
            frame_height INTEGER NOT NULL,
            frame_width INTEGER NOT NULL,
            first_segment INTEGER NOT NULL,
            segment_count INTEGER NOT NULL,
            seconds DOUBLE NOT NULL
        )""",
        """CREATE TABLE segments (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            parent INTEGER,
            area INTEGER NOT NULL,
            quality DOUBLE NOT NULL,
            box BLOB NOT NULL,
            counts BLOB NOT NULL
        )""",
        "CREATE INDEX segments_by_area ON segments (photo_id, area)",
        """CREATE TABLE vectors (
            segment_id INTEGER NOT NULL PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            vector BLOB NOT NULL
        )""",
        """CREATE TABLE photo_vectors (
            photo_id INTEGER NOT NULL PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
            vector BLOB NOT NULL
        )""",
        """CREATE TABLE files (
            path BLOB NOT NULL PRIMARY KEY,
            name_start INTEGER NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            photo_id INTEGER REFERENCES photos (id) ON DELETE CASCADE,
            kind TEXT,
            reason TEXT,
            CHECK ((photo_id IS NULL) = (reason IS NOT NULL))
        ) WITHOUT ROWID""",
        "CREATE INDEX files_by_photo ON files (photo_id)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ):
        connection.exec_driver_sql(statement)


def vectors_in_bytes(connection: Connection) -> None:
    """Version 2: a vector takes one byte a component, where it took a float16."""
    dimension = stored_dimension(connection)
    for table, key, owner in (
        ("vectors", "segment_id", "segments"),
        ("photo_vectors", "photo_id", "photos"),
    ):
        connection.exec_driver_sql(f"""CREATE TABLE packed (
            {key} INTEGER NOT NULL PRIMARY KEY REFERENCES {owner} (id) ON DELETE CASCADE,
            vector BLOB NOT NULL
        )""")
        following = f"SELECT {key}, vector FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"
        last = 0
        while rows := connection.exec_driver_sql(following, (last, _ROWS_AT_ONCE)).all():
            last = rows[-1][0]
            packed = _packed_halves([vector for _, vector in rows], dimension)
            ids = (row[0] for row in rows)
            connection.exec_driver_sql(
                "INSERT INTO packed VALUES (?, ?)", list(zip(ids, packed, strict=True))
            )
        connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql(f"ALTER TABLE packed RENAME TO {table}")


def _packed_halves(blobs: Sequence[bytes], dimension: int) -> list[bytes]:
    """Vectors of float16 in bytes; for what is none, zeros, which the check of a catalog finds.

    What takes one byte a component already stays: a version that was set back by damage does not
    make vectors of vectors.
    """
    packed_already = [type(blob) is bytes and len(blob) == dimension for blob in blobs]
    if any(packed_already):
        rest = [blob for blob, done in zip(blobs, packed_already, strict=True) if not done]
        made = iter(_packed_halves(rest, dimension) if rest else ())
        return [
            blob if done else next(made) for blob, done in zip(blobs, packed_already, strict=True)
        ]
    width = 2 * dimension
    nothing = bytes(width)
    whole = [blob if type(blob) is bytes and len(blob) == width else nothing for blob in blobs]
    halves = np.frombuffer(b"".join(whole), "<f2").reshape(len(blobs), -1)
    sound = np.isfinite(halves).all(axis=1) & halves.any(axis=1)
    packed = iter(vector_codec.pack(halves[sound]))
    return [next(packed) if right else nothing[::2] for right in sound.tolist()]


def named_states(connection: Connection) -> None:
    """Version 3: each state of a catalog has a name of its own, the catalog too; photos remember
    a digest of their pixels, and what told their time and its zone."""
    for column in ("pixel_digest BLOB", "taken_offset INTEGER", "taken_source TEXT"):
        _add_column(connection, "photos", column)
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS photos_by_pixels ON photos (pixel_digest)"
    )
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS revisions"
        " (generation INTEGER NOT NULL PRIMARY KEY, revision BLOB NOT NULL)"
    )
    if _columns(connection, "state"):
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO revisions SELECT generation, randomblob(16) FROM state"
        )
        connection.exec_driver_sql("DROP TABLE state")
    # whoever has loaded the vectors loads them again
    connection.exec_driver_sql(
        "INSERT INTO revisions SELECT coalesce(max(generation), 0) + 1, randomblob(16)"
        " FROM revisions"
    )
    if connection.exec_driver_sql("SELECT 1 FROM manifest").first() is not None:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO manifest VALUES ('catalog_id', ?)", (token_hex(16),)
        )


def _add_column(connection: Connection, table: str, column: str) -> None:
    """Add a column unless it is there: a version may have been set back by damage."""
    if column.split()[0] not in _columns(connection, table):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")


def _columns(connection: Connection, table: str) -> set[str]:
    return set(
        connection.exec_driver_sql("SELECT name FROM pragma_table_info(?)", (table,)).scalars()
    )


def sealed_rows(connection: Connection) -> None:
    """Version 4: rows carry seals. What is damaged already gets none, and so shows itself."""
    for table, condition in _SEALED_VALUES.items():
        _add_column(connection, table, f"seal INTEGER CHECK (seal IS NULL OR ({condition}))")
        connection.exec_driver_sql(f"UPDATE {table} SET seal = NULL WHERE seal IS NOT NULL")
    seal_sound_rows(connection)
    seal_manifest(connection)


_SEALED_VALUES = {
    "photos": "length(content_hash) = 32 AND height > 0 AND width > 0 AND frame_height > 0"
    " AND frame_width > 0 AND orientation BETWEEN 1 AND 8 AND first_segment > 0"
    " AND segment_count >= 0",
    "segments": "area >= 0 AND length(box) IN (8, 16)",
    "vectors": "length(vector) > 0",
    "photo_vectors": "length(vector) > 0",
    "files": "length(path) > 0 AND size >= 0",
}
"""What SQLite itself sees to in rows that are sealed."""


def told_origins(connection: Connection) -> None:
    """Version 5: segments that were proposed for words, and kept, tell these and the proposer."""
    connection.exec_driver_sql("""CREATE TABLE IF NOT EXISTS origins (
        segment_id INTEGER NOT NULL PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
        prompt TEXT NOT NULL,
        proposer TEXT NOT NULL,
        seal INTEGER CHECK (seal IS NULL OR length(proposer) > 0)
    )""")


MIGRATIONS: tuple[Migration, ...] = (
    first_tables,
    vectors_in_bytes,
    named_states,
    sealed_rows,
    told_origins,
)


def newest_version() -> int:
    """The schema version that this segsearch makes."""
    return len(MIGRATIONS)


def version_of(connection: Connection) -> int:
    """The schema version of an open catalog; 0 where nothing was made yet."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def require_not_newer(version: int, path: Path) -> None:
    """Raise IndexTooNew when a catalog's version is beyond the known ones."""
    if version > newest_version():
        raise IndexTooNew(
            f"{shown(path)} has schema version {version},"
            f" this segsearch knows up to {newest_version()}",
            "upgrade segsearch, or index into another folder",
        )


def migrate(database: Writable) -> int:
    """Bring a catalog to the newest version, one transaction a step; returns the version.

    Raises:
        IndexTooNew: the catalog is beyond the newest known version; nothing is changed.
    """
    began = version = -1
    while version < newest_version():
        with database.writing() as connection:
            # asked inside the transaction: another process may have migrated meanwhile
            version = version_of(connection)
            require_not_newer(version, database.path)
            if version == newest_version():
                break
            began = version if began < 0 else began
            MIGRATIONS[version](connection)
            version += 1
            connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    if began > 0:
        database.compact()
    return version
