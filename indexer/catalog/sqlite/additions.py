"""Additions: a photo's segments written anew, with more of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from sqlalchemy import Connection, update

from indexer.catalog import box_codec, vector_codec
from indexer.catalog.addition import Addition
from indexer.catalog.records import AddedSegments, SegmentRow
from indexer.catalog.sqlite import rows, stored_vectors
from indexer.catalog.sqlite.database import run_many
from indexer.catalog.sqlite.row_faults import LARGEST_ID
from indexer.catalog.sqlite.seals import SEALED, insert_sealed, seal_rows
from indexer.catalog.sqlite.tables import PhotoTable
from indexer.catalog.sqlite.transactions import next_id
from indexer.catalog.unknown_ids import unknown_photo


def rewrite_with(
    connection: Connection, photo_id: int, added: AddedSegments, dimension: int
) -> list[int]:
    """Write a photo's segments under new ids, and more after them; returns the ids of these.

    Rows are judged before they are copied: no damage gets a seal.

    Raises:
        QueryError: there is no such photo.
        StorageError: the photo would have more segments than one can have.
        IndexDamaged: rows of the photo are not what was written.
    """
    if photo_id not in rows.photo_rows(connection, [photo_id]):
        raise unknown_photo(photo_id)
    held = rows.segment_rows_of(connection, photo_id)
    stored_vectors.vectors_of(connection, [row.id for row in held], dimension)
    if not len(added.segments):
        return []
    addition = Addition(photo_id, held, added, next_id(connection, "segments"), LARGEST_ID)
    first, total = addition.first, addition.total
    if held:
        _copy(connection, held, first)
    _write(connection, addition)
    run_many(connection, "UPDATE segments SET parent = ? WHERE id = ?", addition.adopted)
    height, width = added.segments.size
    connection.execute(
        update(PhotoTable)
        .where(PhotoTable.id == photo_id)
        .values(first_segment=first, segment_count=total, frame_height=height, frame_width=width)
    )
    seal_rows(connection, "photos", "id = ?", photo_id)
    seal_rows(connection, "segments", "photo_id = ?", photo_id)
    for table in ("vectors", "origins"):
        seal_rows(connection, table, "segment_id >= ? AND segment_id < ?", first, first + total)
    return list(addition.ids)


def _copy(connection: Connection, held: Sequence[SegmentRow], first: int) -> None:
    """Move a photo's rows to ids from `first` on; vectors as they are, to the last bit."""
    before, after = held[0].id, held[-1].id
    for table in ("segments", "vectors", "origins"):
        key, *others = SEALED[table]
        columns = ", ".join(others)
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({key}, {columns}) SELECT {key} + ?, {columns} FROM {table}"
            f" WHERE {key} BETWEEN ? AND ?",
            (first - before, before, after),
        )
    # vectors and origins go with their segments
    connection.exec_driver_sql("DELETE FROM segments WHERE id BETWEEN ? AND ?", (before, after))


def _write(connection: Connection, addition: Addition) -> None:
    added, ids = addition.added, addition.ids
    segments = added.segments
    columns = (
        ids,
        repeat(addition.photo_id),
        addition.parents,
        segments.areas.tolist(),
        segments.quality.tolist(),
        box_codec.pack_all(segments.boxes),
        segments.counts,
    )
    insert_sealed(connection, "segments", zip(*columns, strict=False))
    insert_sealed(
        connection, "vectors", zip(ids, vector_codec.pack(added.embeddings.vectors), strict=True)
    )
    prompt, proposer = added.origin.prompt, added.origin.proposer
    insert_sealed(connection, "origins", ((i, prompt, proposer) for i in ids))
