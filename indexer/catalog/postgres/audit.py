"""Audit of a catalog in PostgreSQL: what constraints cannot say, masks and vectors above all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.catalog.damaged_photo import NO_FILE, TO_MEND, WRONG_VECTOR
from indexer.catalog.postgres import rows
from indexer.catalog.postgres.database import Connection, fetched
from indexer.catalog.postgres.half_vectors import are_kept

_PHOTOS_AT_ONCE = 500
_SAMPLE = 2000  # photos
_COUNTS = """
SELECT p.id, p.segment_count,
    (SELECT count(*) FROM segments WHERE photo_id = p.id),
    (SELECT count(*) FROM segments AS s JOIN vectors ON segment_id = s.id WHERE photo_id = p.id),
    (SELECT count(*) FROM files WHERE photo_id = p.id),
    (SELECT count(*) FROM photo_vectors WHERE photo_id = p.id)
FROM photos AS p WHERE p.id > %s ORDER BY p.id LIMIT %s
"""
_VECTORS = """
SELECT s.photo_id, halfvec_send(v.vector) FROM vectors AS v
JOIN segments AS s ON s.id = v.segment_id WHERE s.photo_id BETWEEN %s AND %s
UNION ALL SELECT photo_id, halfvec_send(vector) FROM photo_vectors WHERE photo_id BETWEEN %s AND %s
"""


@dataclass(frozen=True)
class Problem:
    """A fault.

    Attributes:
        line: fault, and what to do.
        photo_id: photo that it is of.
    """

    line: str
    photo_id: int


def find_problems(connection: Connection, dimension: int, *, full: bool) -> Iterator[Problem]:
    """Faults, the first of each photo.

    Args:
        connection: connection within a transaction.
        dimension: components of a vector.
        full: look at all photos, not at the first ones only.
    """
    after, left = 0, None if full else _SAMPLE
    while left is None or left > 0:
        found = fetched(connection, _COUNTS, after, _PHOTOS_AT_ONCE)
        if not found:
            return
        faults: dict[int, str] = {}
        for photo_id, told, segments, vectors, files, own in found:
            if not told == segments == vectors or own != 1:
                faults.setdefault(photo_id, "has other segments or vectors than it says")
            if not files:
                faults.setdefault(photo_id, NO_FILE)
        first, last = found[0][0], found[-1][0]
        held = rows.raw_segments(connection, first, last)
        for row, fault in zip(held, rows.segment_faults(held), strict=True):
            if fault:
                faults.setdefault(row[1], fault)
        vectors_found = fetched(connection, _VECTORS, first, last, first, last)
        kept = are_kept((row[1] for row in vectors_found), dimension).tolist()
        for (photo_id, _), whole in zip(vectors_found, kept, strict=True):
            if not whole:
                faults.setdefault(photo_id, WRONG_VECTOR)
        for photo_id, fault in sorted(faults.items()):
            yield Problem(f"photo {photo_id} of the index {fault}: {TO_MEND}", photo_id)
        after = last
        left = None if left is None else left - len(found)
