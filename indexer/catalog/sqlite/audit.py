"""Whether a catalog holds what it should, and how to mend one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from indexer.catalog import vector_codec
from model.errors import IndexDamaged, shown
from model.masks.runs import area_of

SAMPLE = 200  # photos whose masks are measured unless all are
_VECTORS_AT_ONCE = 8192


@dataclass(frozen=True)
class Problem:
    """One line for people; `photo_id` where dropping that photo mends it."""

    line: str
    photo_id: int | None = None


# Each statement finds photos; what is wrong with them stands beside it.
_WRONG_PHOTOS = (
    (
        "has no file",
        "SELECT id FROM photos AS p WHERE NOT EXISTS (SELECT 1 FROM files WHERE photo_id = p.id)",
    ),
    (
        "lacks a vector",
        "SELECT id FROM photos AS p WHERE"
        " NOT EXISTS (SELECT 1 FROM photo_vectors WHERE photo_id = p.id) OR EXISTS"
        " (SELECT 1 FROM segments AS s LEFT JOIN vectors AS v ON v.segment_id = s.id"
        " WHERE s.photo_id = p.id AND v.segment_id IS NULL)",
    ),
    (
        "has other segments than it says",
        "SELECT p.id FROM photos AS p LEFT JOIN segments AS s ON s.photo_id = p.id GROUP BY p.id"
        " HAVING count(s.id) <> p.segment_count OR min(s.id) <> p.first_segment"
        " OR max(s.id) <> p.first_segment + p.segment_count - 1",
    ),
    (
        "has a segment that is part of nothing in it",
        "SELECT DISTINCT p.id FROM segments AS s JOIN photos AS p ON p.id = s.photo_id"
        " WHERE s.parent NOT BETWEEN 0 AND p.segment_count - 1"
        " OR s.parent = s.id - p.first_segment",
    ),
)
_VECTORS = (
    """SELECT s.photo_id, v.vector, s.id FROM segments AS s JOIN vectors AS v ON v.segment_id = s.id
    WHERE s.id > ? ORDER BY s.id LIMIT ?""",
    """SELECT photo_id, vector, photo_id FROM photo_vectors
    WHERE photo_id > ? ORDER BY photo_id LIMIT ?""",
)
_MASKS = "SELECT counts, area FROM segments WHERE photo_id = ? ORDER BY id"
_WITHOUT_OWNER = {  # tables, and what their rows belong to; segments before their vectors
    "segments": "photo_id NOT IN (SELECT id FROM photos)",
    "photo_vectors": "photo_id NOT IN (SELECT id FROM photos)",
    "vectors": "segment_id NOT IN (SELECT id FROM segments)",
    "files": "photo_id NOT IN (SELECT id FROM photos)",
}


def find_problems(connection: Connection, dimension: int, *, full: bool) -> Iterator[Problem]:
    """All that is wrong with a catalog whose vectors have `dimension` components."""
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield Problem(f"SQLite's own check: {line}")
    strays = connection.exec_driver_sql(
        'SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1'
    )
    for table, count in strays.all():
        yield Problem(f"{count} rows of {table} belong to no photo")
    for what, statement in _WRONG_PHOTOS:
        for (photo_id,) in connection.exec_driver_sql(statement).all():
            yield Problem(f"photo {photo_id} {what}", photo_id)
    yield from _wrong_vectors(connection, dimension)
    yield from _wrong_masks(connection, full=full)
    if connection.exec_driver_sql("SELECT 1 FROM revisions").first() is None:
        yield Problem("the generation is missing")


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
        if not _sound(connection):
            raise IndexDamaged(
                f"{shown(path)} is damaged beyond repair",
                "restore it from a backup, or delete its folder and index the photos again",
            )
        lines.append("made SQLite's indexes anew")
    for table, stray in _WITHOUT_OWNER.items():
        gone = connection.exec_driver_sql(f"DELETE FROM {table} WHERE {stray}").rowcount
        if gone:
            lines.append(f"dropped {gone} rows of {table} that belonged to no photo")
    broken = sorted({p.photo_id for p in problems if p.photo_id is not None})
    for photo_id in broken:
        connection.exec_driver_sql("DELETE FROM photos WHERE id = ?", (photo_id,))
    if broken:
        lines.append(f"dropped {len(broken)} broken photos; index again to make them anew")
    return lines


def _sound(connection: Connection) -> bool:
    return str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()) == "ok"


def _wrong_vectors(connection: Connection, dimension: int) -> Iterator[Problem]:
    long, strange = set[int](), set[int]()
    for statement in _VECTORS:
        last = 0
        while block := connection.exec_driver_sql(statement, (last, _VECTORS_AT_ONCE)).all():
            last = block[-1][2]
            long |= {photo_id for photo_id, vector, _ in block if len(vector) != dimension}
            whole = [row for row in block if len(row[1]) == dimension]
            sound = vector_codec.are_packed((row[1] for row in whole), dimension)
            strange |= {row[0] for row, right in zip(whole, sound, strict=True) if not right}
    for photo_id in sorted(long):
        yield Problem(f"photo {photo_id} has a vector of another length", photo_id)
    for photo_id in sorted(strange - long):
        yield Problem(f"photo {photo_id} has a vector that is not what it was", photo_id)


def _wrong_masks(connection: Connection, *, full: bool) -> Iterator[Problem]:
    photos = connection.exec_driver_sql("SELECT id, frame_height, frame_width FROM photos").all()
    step = 1 if full else max(len(photos) // SAMPLE, 1)
    for photo_id, height, width in photos[::step]:
        rows = connection.exec_driver_sql(_MASKS, (photo_id,)).all()
        if not _masks_hold(rows, (height, width)):
            yield Problem(f"photo {photo_id} has masks that are not what they were", photo_id)


def _masks_hold(rows: Iterable[Sequence[Any]], size: tuple[int, int]) -> bool:
    """Whether run lengths are those of masks of their size and stored area."""
    try:
        return all(area_of(counts, size) == area for counts, area in rows)
    except (ValueError, TypeError):  # TypeError: text where bytes belong
        return False
