"""Additions: a photo's segments written anew, with more of them.

Ids of a photo's segments follow each other, and the next one after its last is mostly another
photo's. So all get new ids at the end, and none is ever used twice.
"""

from __future__ import annotations

import numpy as np

from indexer.catalog import box_codec
from indexer.catalog.postgres import rows
from indexer.catalog.postgres.database import Connection, run_many
from indexer.catalog.postgres.half_vectors import sent_halves
from indexer.catalog.postgres.insertion import insert_segments, segment_columns, sent_columns
from indexer.catalog.postgres.transactions import Head, storable
from indexer.catalog.records import AddedSegments
from indexer.catalog.vector_codec import numbers_of
from indexer.catalog.whole_of_parts import parents_with
from model.errors import QueryError, StorageError

MOST_SEGMENTS = 1 << 20
"""Segments of a photo at the most."""


def rewrite_with(
    connection: Connection, head: Head, photo_id: int, added: AddedSegments
) -> list[int]:
    """Write a photo's segments under new ids, and more after them; returns the ids of these.

    Raises:
        QueryError: there is no such photo.
        StorageError: the photo would have more segments than one can have.
        IndexDamaged: rows of the photo are not what was written.
    """
    if photo_id not in rows.photo_rows(connection, [photo_id]):
        raise QueryError(f"the index has no photo {photo_id}", "take an id from a search's answer")
    held = rows.segment_rows_of(connection, photo_id)
    if not len(added.segments):
        return []
    first, total = head.last_segment + 1, len(held) + len(added.segments)
    if total > MOST_SEGMENTS:
        raise StorageError(
            f"photo {photo_id} has {len(held):,} segments, and no more can be added",
            "index it into another folder with --index",
        )
    parents = parents_with(held, added.segments)
    head.last_segment += total
    if held:
        _move(connection, held[0].id, held[-1].id, first)
    following = first + len(held)
    segments = added.segments
    columns = segment_columns(
        np.tile(segments.size, (len(segments), 1)),
        segments.parents,
        segments.areas,
        segments.quality,
        box_codec.pack_all(segments.boxes),
        segments.counts,
    )
    values = sent_columns((parents[len(held) :], *columns[1:]))
    vectors = sent_halves(numbers_of(added.embeddings.vectors))
    insert_segments(connection, photo_id, following, values, vectors)
    run_many(
        connection,
        "INSERT INTO origins VALUES (%s, %s, %s)",
        [
            (i, storable(added.origin.prompt), added.origin.proposer)
            for i in range(following, first + total)
        ],
    )
    run_many(
        connection,
        "UPDATE segments SET parent = %s WHERE id = %s",
        [
            (parent, first + row.ordinal)
            for row, parent in zip(held, parents, strict=False)
            if parent is not None and parent >= len(held)
        ],
    )
    height, width = added.segments.size
    connection.execute(
        "UPDATE photos SET first_segment = %s, segment_count = %s, frame_height = %s,"
        " frame_width = %s WHERE id = %s",
        (first, total, height, width, photo_id),
    )
    return list(range(following, first + total))


def _move(connection: Connection, before: int, after: int, first: int) -> None:
    """Move a photo's rows to ids from `first` on; vectors as they are, to the last bit."""
    by = first - before
    for table, key, others in (
        (
            "segments",
            "id",
            "photo_id, parent, area, share, centre_x, centre_y, ninth, quality, box, counts",
        ),
        ("vectors", "segment_id", "vector"),
        ("origins", "segment_id", "prompt, proposer"),
    ):
        connection.execute(
            f"INSERT INTO {table} ({key}, {others}) SELECT {key} + %s, {others} FROM {table}"
            f" WHERE {key} BETWEEN %s AND %s",
            (by, before, after),
        )
    # vectors and origins go with their segments
    connection.execute("DELETE FROM segments WHERE id BETWEEN %s AND %s", (before, after))
