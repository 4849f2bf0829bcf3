"""Additions: a photo's segments written anew, with more of them."""

from __future__ import annotations

import numpy as np

from indexer.catalog import box_codec
from indexer.catalog.addition import Addition
from indexer.catalog.postgres import rows
from indexer.catalog.postgres.database import Connection, run_many
from indexer.catalog.postgres.half_vectors import sent_halves
from indexer.catalog.postgres.insertion import insert_segments, segment_columns, sent_columns
from indexer.catalog.postgres.transactions import Head, storable
from indexer.catalog.records import AddedSegments
from indexer.catalog.unknown_ids import unknown_photo
from indexer.catalog.vector_codec import numbers_of


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
        raise unknown_photo(photo_id)
    held = rows.segment_rows_of(connection, photo_id)
    segments = added.segments
    if not len(segments):
        return []
    addition = Addition(photo_id, held, added, head.last_segment + 1)
    first, total, ids = addition.first, addition.total, addition.ids
    parents = addition.parents
    head.last_segment += total
    if held:
        _move(connection, held[0].id, held[-1].id, first)
    columns = segment_columns(
        np.tile(segments.size, (len(segments), 1)),
        segments.parents,
        segments.areas,
        segments.quality,
        box_codec.pack_all(segments.boxes),
        segments.counts,
    )
    values = sent_columns((parents, *columns[1:]))
    vectors = sent_halves(numbers_of(added.embeddings.vectors))
    insert_segments(connection, photo_id, ids.start, values, vectors)
    prompt, proposer = storable(added.origin.prompt), added.origin.proposer
    run_many(
        connection,
        "INSERT INTO origins VALUES (%s, %s, %s)",
        [(segment_id, prompt, proposer) for segment_id in ids],
    )
    run_many(connection, "UPDATE segments SET parent = %s WHERE id = %s", addition.adopted)
    height, width = segments.size
    connection.execute(
        "UPDATE photos SET first_segment = %s, segment_count = %s, frame_height = %s,"
        " frame_width = %s WHERE id = %s",
        (first, total, height, width, photo_id),
    )
    return list(ids)


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
