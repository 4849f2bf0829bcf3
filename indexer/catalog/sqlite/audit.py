"""Whether a catalog holds what it should, and how to mend one that does not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.damaged_photo import (
    LACKS_VECTOR,
    NO_FILE,
    OTHER_SEGMENTS,
    WRONG_WHOLE,
)
from indexer.catalog.row_records import Owner
from indexer.catalog.sqlite.database import fetched
from indexer.catalog.sqlite.row_faults import (
    LARGEST_ID,
    NOT_AS_WRITTEN,
    file_fault,
    origin_fault,
    photo_fault,
    root_fault,
    segment_faults,
    vector_faults,
)
from indexer.catalog.sqlite.sealing import blocks
from indexer.catalog.sqlite.seals import selected
from model.errors import IndexDamaged, shown

SAMPLE = 200  # photos whose masks are measured unless all are


@dataclass(frozen=True)
class Problem:
    """One line for people, and what dropping mends it: a photo, or a file's row (its path as it
    is stored)."""

    line: str
    photo_id: int | None = None
    file: object = None


# Each statement finds photos; what is wrong with them stands beside it.
_WRONG_PHOTOS = (
    (
        NO_FILE,
        "SELECT id FROM photos AS p WHERE NOT EXISTS (SELECT 1 FROM files WHERE photo_id = p.id)",
    ),
    (
        LACKS_VECTOR,
        "SELECT id FROM photos AS p WHERE"
        " NOT EXISTS (SELECT 1 FROM photo_vectors WHERE photo_id = p.id) OR EXISTS"
        " (SELECT 1 FROM segments AS s LEFT JOIN vectors AS v ON v.segment_id = s.id"
        " WHERE s.photo_id = p.id AND v.segment_id IS NULL)",
    ),
    (
        OTHER_SEGMENTS,
        "SELECT p.id FROM photos AS p LEFT JOIN segments AS s ON s.photo_id = p.id GROUP BY p.id"
        " HAVING count(s.id) <> p.segment_count OR min(s.id) <> p.first_segment"
        " OR max(s.id) <> p.first_segment + p.segment_count - 1",
    ),
    (
        WRONG_WHOLE,
        "SELECT DISTINCT p.id FROM segments AS s JOIN photos AS p ON p.id = s.photo_id"
        " WHERE s.parent NOT BETWEEN 0 AND p.segment_count - 1"
        " OR s.parent = s.id - p.first_segment",
    ),
)
_OWNER_OF_SEGMENT = "SELECT photo_id FROM segments WHERE id = ?"
_NUMBERED = ("photos", "segments")
_WITHOUT_OWNER = {  # tables, and what their rows belong to; segments before their vectors
    "segments": "photo_id NOT IN (SELECT id FROM photos)",
    "photo_vectors": "photo_id NOT IN (SELECT id FROM photos)",
    "vectors": "segment_id NOT IN (SELECT id FROM segments)",
    "origins": "segment_id NOT IN (SELECT id FROM segments)",
    "files": "photo_id NOT IN (SELECT id FROM photos)",
}


def find_problems(connection: Connection, dimension: int, *, full: bool) -> Iterator[Problem]:
    """All that is wrong with a catalog whose vectors have `dimension` components; of each photo
    the first that is found."""
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield Problem(f"SQLite's own check: {line}")
    strays = connection.exec_driver_sql(
        'SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1'
    )
    for table, count in strays.all():
        yield Problem(f"{count} rows of {table} belong to no photo")
    told = set[object]()
    for photo_id, what in _wrong_photos(connection, dimension, full=full):
        if photo_id not in told:
            told.add(photo_id)
            yield Problem(f"photo {photo_id} {what}", photo_id)
    for rows in blocks(connection, "files", selected("files")):
        for row in rows:
            if fault := file_fault(row):
                name = os.fsdecode(row[0]) if type(row[0]) is bytes else str(row[0])
                yield Problem(f"what is known of {shown(name)} {fault}", file=row[0])
    for root in _wrong_roots(connection):
        yield Problem(f"the folder {shown(str(root))}, which was indexed, {NOT_AS_WRITTEN}")
    if connection.exec_driver_sql("SELECT 1 FROM revisions").first() is None:
        yield Problem("the generation is missing")
    for table in _NUMBERED:
        if not _numbers_hold(connection, table):
            yield Problem(f"the count of {table} is not what was written")


def mend(connection: Connection, problems: Sequence[Problem], path: Path) -> list[str]:
    """Drop the photos that have problems and rows without photo, inside the open transaction.

    Returns:
        What was done, a line each.

    Raises:
        IndexDamaged: SQLite's own check fails and making its indexes anew does not help.
    """
    lines = []
    if not _sound(connection):
        connection.exec_driver_sql("REINDEX")
        if _sound(connection):
            lines.append("made SQLite's indexes anew")
    for table, stray in _WITHOUT_OWNER.items():
        gone = connection.exec_driver_sql(f"DELETE FROM {table} WHERE {stray}").rowcount
        if gone:
            lines.append(f"dropped {gone} rows of {table} that belonged to no photo")
    for problem in problems:
        if problem.file is not None:
            connection.exec_driver_sql("DELETE FROM files WHERE path = ?", (problem.file,))
            lines.append("forgot a file whose row was damaged; index again to find it anew")
    for root in _wrong_roots(connection):
        connection.exec_driver_sql("DELETE FROM roots WHERE path IS ?", (root,))
        lines.append("forgot a folder that was indexed; index it again")
    lonely = connection.exec_driver_sql(
        "SELECT id FROM photos WHERE id NOT IN (SELECT photo_id FROM files WHERE photo_id NOTNULL)"
    ).scalars()
    broken = sorted({p.photo_id for p in problems if p.photo_id is not None} | set(lonely))
    for photo_id in broken:
        connection.exec_driver_sql("DELETE FROM photos WHERE id = ?", (photo_id,))
    if broken:
        lines.append(f"dropped {len(broken)} broken photos; index again to make them anew")
    for table in _NUMBERED:
        if not _numbers_hold(connection, table):
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.exec_driver_sql(
                f"INSERT INTO sqlite_sequence SELECT ?, max(id) FROM {table} HAVING count(*)",
                (table,),
            )
            lines.append(f"counted {table} anew")
    if not _sound(connection):
        raise IndexDamaged(
            f"{shown(path)} is damaged beyond repair",
            "restore it from a backup, or delete its folder and index the photos again",
        )
    return lines


def _sound(connection: Connection) -> bool:
    return str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()) == "ok"


def _wrong_photos(
    connection: Connection, dimension: int, *, full: bool
) -> Iterator[tuple[int, str]]:
    for what, statement in _WRONG_PHOTOS:
        for (photo_id,) in connection.exec_driver_sql(statement).all():
            yield photo_id, what
    for table, owner in (("vectors", _OWNER_OF_SEGMENT), ("photo_vectors", "SELECT ?")):
        for rows in blocks(connection, table, selected(table)):
            for row, fault in zip(rows, vector_faults(rows, dimension), strict=True):
                if fault:
                    for (photo_id,) in fetched(connection, owner, row[0]):
                        yield photo_id, fault
    for rows in blocks(connection, "origins", selected("origins")):
        for row in rows:
            if fault := origin_fault(row):
                for (photo_id,) in fetched(connection, _OWNER_OF_SEGMENT, row[0]):
                    yield photo_id, fault
    photos = [row for rows in blocks(connection, "photos", selected("photos")) for row in rows]
    step = 1 if full else max(len(photos) // SAMPLE, 1)
    for row in photos[::step]:
        yield from _wrong_segments(connection, row[0])
    for row in photos:
        if fault := photo_fault(row):
            yield row[0], fault


def _wrong_segments(connection: Connection, photo_id: int) -> Iterator[tuple[int, str]]:
    owner = fetched(
        connection, f"SELECT {', '.join(Owner._fields)} FROM photos WHERE id = ?", photo_id
    )[0]
    rows = fetched(
        connection,
        f"SELECT {selected('segments')} FROM segments WHERE photo_id = ? ORDER BY id",
        photo_id,
    )
    for fault in segment_faults(rows, [Owner(*owner)] * len(rows)):
        if fault:
            yield photo_id, fault


def _wrong_roots(connection: Connection) -> list[object]:
    return [row[0] for row in fetched(connection, "SELECT path FROM roots") if root_fault(row)]


def _numbers_hold(connection: Connection, table: str) -> bool:
    """Whether SQLite's memory of the highest id of a table covers the ids that are there."""
    rows = fetched(connection, "SELECT seq FROM sqlite_sequence WHERE name = ?", table)
    highest = fetched(connection, f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]
    if not rows:
        return bool(highest == 0)
    return len(rows) == 1 and type(rows[0][0]) is int and highest <= rows[0][0] < LARGEST_ID
