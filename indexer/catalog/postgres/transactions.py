"""The changes that one transaction is made of: a photo with its segments and vectors, its files.

Each locks the row of `head` first, so that all that changes a catalog waits in one line, as short
as the statements that follow: what they write was made ready before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexer.catalog.photo_description import describes, description
from indexer.catalog.postgres.database import Connection, Cursor, Row, fetched
from indexer.catalog.postgres.path_regex import searchable
from indexer.catalog.records import IndexedPhoto, KnownFile, ReadPhoto

_HEAD = "SELECT generation, last_photo, last_segment FROM head FOR UPDATE"
_KNOWN = """
SELECT id FROM (
    SELECT id, 0 AS rank FROM photos WHERE content_hash = %b
    UNION ALL (SELECT id, 1 FROM photos WHERE pixel_digest = %b ORDER BY id LIMIT 1)
) AS found ORDER BY rank LIMIT 1
"""
PUT = """
before AS (SELECT photo_id FROM files WHERE path = %b), put AS (
    INSERT INTO files (path, shown, size, mtime_ns, photo_id, kind, reason)
    VALUES (%b, %s, %s, %s, %s, %s, %s) ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, photo_id = excluded.photo_id,
    kind = excluded.kind, reason = excluded.reason
)
"""
"""Part of a statement that writes a file's row: `before` is what it showed."""
_PUT_ONE = f"WITH {PUT} SELECT photo_id FROM before"
NEXT = """
next AS (
    UPDATE head SET generation = %s, last_photo = %s, last_segment = %s,
    revision = uuid_send(gen_random_uuid()) RETURNING generation, revision
), named AS (INSERT INTO revisions SELECT generation, revision FROM next)
"""
"""Part of a statement that writes the counters, and draws a name for the state that comes."""


@dataclass
class Head:
    """Counters of a catalog, locked until the transaction ends.

    Attributes:
        generation: number of transactions that changed photos or segments.
        last_photo: the highest id that a photo ever had.
        last_segment: the highest id that a segment ever had.
    """

    generation: int
    last_photo: int
    last_segment: int


def locked_head(connection: Connection) -> Head:
    """The catalog's counters; who else changes it waits until this transaction ends."""
    ((generation, photo, segment),) = fetched(connection, _HEAD)
    return Head(generation, photo, segment)


def count_generation(connection: Connection, head: Head) -> None:
    """Note that photos or segments change in this transaction, and draw a name for what comes."""
    connection.execute(f"WITH {NEXT} SELECT 1", next_values(head))


def next_values(head: Head) -> Row:
    """Values of the parameters of `NEXT`."""
    return head.generation + 1, head.last_photo, head.last_segment


def locked_head_and_known(
    connection: Connection, photo: IndexedPhoto | ReadPhoto
) -> tuple[Head, int | None]:
    """`locked_head`, and `known_photo` as it is once the head is locked; asked at once."""
    with connection.pipeline():
        head = connection.execute(_HEAD, binary=True)
        known = connection.execute(_KNOWN, (photo.content_hash, photo.pixel_digest), binary=True)
    ((generation, last_photo, last_segment),) = head.fetchall()
    found = known.fetchall()
    return Head(generation, last_photo, last_segment), found[0][0] if found else None


def known_photo(connection: Connection, photo: IndexedPhoto | ReadPhoto) -> int | None:
    """The id of the photo with this content, else of the first with these pixels."""
    found = fetched(connection, _KNOWN, photo.content_hash, photo.pixel_digest)
    return found[0][0] if found else None


def describe_anew(
    connection: Connection, photo_id: int, photo: IndexedPhoto | ReadPhoto, path: str
) -> None:
    """Let a known photo's row tell what its file at `path` says, where that file describes it."""
    found = fetched(connection, "SELECT path FROM files WHERE photo_id = %s", photo_id)
    if not describes(path, {os.fsdecode(row[0]) for row in found}):
        return
    told = description(photo)
    values = [storable(value) if isinstance(value, str) else value for value in told.values()]
    columns = ", ".join(f"{column} = %s" for column in told)
    connection.execute(f"UPDATE photos SET {columns} WHERE id = %s", (*values, photo_id))


def put_files(connection: Connection, files: Sequence[KnownFile]) -> bool:
    """Say what files show, or why they were skipped, as if at once; whether any photo changed.

    Photos that this takes their last file from go, but not those that only change names.
    """
    with connection.pipeline():
        puts = [connection.execute(_PUT_ONE, put_values(file)) for file in files]
    changes = [(photo_before(put), file.photo_id) for put, file in zip(puts, files, strict=True)]
    left = {before for before, now in changes if before is not None and before != now}
    drop_photos_without_files(connection, left)
    return any(before != now for before, now in changes)


def remove_files(connection: Connection, paths: Iterable[str]) -> tuple[int, int]:
    """Forget files, and the photos that have no other; how many files that showed a photo, and
    how many photos, went."""
    gone = fetched(
        connection,
        "DELETE FROM files WHERE path = ANY(%s::bytea[]) RETURNING photo_id",
        [os.fsencode(path) for path in paths],
    )
    showing = [row[0] for row in gone if row[0] is not None]
    return len(showing), drop_photos_without_files(connection, set(showing))


def drop_photos_without_files(connection: Connection, candidates: Iterable[int]) -> int:
    """Remove those of the photos that no file shows any more; returns how many."""
    ids = list(candidates)
    if not ids:
        return 0
    return connection.execute(
        "DELETE FROM photos AS p WHERE id = ANY(%s::bigint[])"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE photo_id = p.id)",
        (ids,),
    ).rowcount


def put_values(file: KnownFile) -> Row:
    """Values of the parameters of `PUT`."""
    stamp, path = file.stamp, os.fsencode(file.stamp.path)
    told = file.photo_id, file.kind, storable(file.reason)
    return path, path, searchable(stamp.path), stamp.size, stamp.mtime_ns, *told


def photo_before(put: Cursor) -> int | None:
    """The photo that a file showed before its row was written."""
    found = put.fetchall()
    return found[0][0] if found else None


def storable(value: str | None) -> str | None:
    """Text as PostgreSQL holds it: all but the character of number 0."""
    return None if value is None else value.replace("\0", "")
