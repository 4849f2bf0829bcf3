"""The changes that one transaction is made of: a photo with its segments and vectors, its files."""

from __future__ import annotations

import os
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select, update

from indexer.catalog import vector_codec
from indexer.catalog.photo_description import describes, description
from indexer.catalog.records import IndexedPhoto, KnownFile, ReadPhoto
from indexer.catalog.sqlite.database import fetched, run_many
from indexer.catalog.sqlite.failures import TO_MEND
from indexer.catalog.sqlite.row_faults import LARGEST_ID
from indexer.catalog.sqlite.seals import SEALED, seal_of, seal_rows
from indexer.catalog.sqlite.tables import (
    FileTable,
    OriginTable,
    PhotoTable,
    PhotoVectorTable,
    SegmentTable,
)
from model.errors import IndexDamaged

_FILE = (*SEALED["files"], "seal")
_PUT = (
    f"INSERT INTO files ({', '.join(_FILE)}) VALUES ({', '.join('?' * len(_FILE))})"
    " ON CONFLICT (path) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _FILE[2:])
)


def known_photo(connection: Connection, photo: IndexedPhoto | ReadPhoto, path: str) -> int | None:
    """The id of the photo with this content, else with these pixels; None where there is none.

    A photo of an older index has no digest of its pixels. Where the file at `path` shows such a
    one, and the models found in it exactly what they found before, the pixels are taken for equal.
    """
    same_content = select(PhotoTable.id).where(PhotoTable.content_hash == photo.content_hash)
    photo_id = connection.execute(same_content).scalar_one_or_none()
    if photo_id is not None or photo.pixel_digest is None:
        return photo_id
    same_pixels = select(PhotoTable.id).where(PhotoTable.pixel_digest == photo.pixel_digest)
    first = connection.execute(same_pixels.order_by(PhotoTable.id).limit(1)).scalar_one_or_none()
    if first is None and isinstance(photo, IndexedPhoto):
        return _unchanged_predecessor(connection, photo, path)
    return first


def describe_anew(
    connection: Connection, photo_id: int, photo: IndexedPhoto | ReadPhoto, path: str
) -> None:
    """Let a known photo's row tell what its file at `path` says, where that file describes it."""
    files = select(FileTable.path).where(FileTable.photo_id == photo_id)
    if not describes(path, set(connection.execute(files).scalars())):
        return
    values = description(photo)
    connection.execute(update(PhotoTable).where(PhotoTable.id == photo_id).values(values))
    seal_rows(connection, "photos", "id = ?", photo_id)


def _unchanged_predecessor(connection: Connection, photo: IndexedPhoto, path: str) -> int | None:
    header, segments = photo.header, photo.segments
    before = connection.execute(
        select(PhotoTable.id)
        .join(FileTable, FileTable.photo_id == PhotoTable.id)
        .join(PhotoVectorTable, PhotoVectorTable.photo_id == PhotoTable.id)
        .where(
            FileTable.path == path,
            PhotoTable.pixel_digest.is_(None),
            PhotoTable.height == header.size[0],
            PhotoTable.width == header.size[1],
            PhotoTable.perceptual_hash == photo.perceptual_hash,
            PhotoTable.frame_height == segments.size[0],
            PhotoTable.frame_width == segments.size[1],
            PhotoVectorTable.vector == vector_codec.pack(photo.photo_embedding.vectors)[0],
        )
    ).scalar_one_or_none()
    masks = select(SegmentTable.counts).where(
        SegmentTable.photo_id == before,
        SegmentTable.id.not_in(select(OriginTable.segment_id)),  # which indexing never finds
    )
    stored = connection.execute(masks.order_by(SegmentTable.id)).scalars().all()
    return before if list(stored) == list(segments.counts) else None


def put_files(connection: Connection, files: Iterable[KnownFile]) -> bool:
    """Say what files show, or why they were skipped, as if at once; whether any photo changed.

    Photos that this takes their last file from go, but not those that only change names.
    """
    changes = [(_put(connection, file), file.photo_id) for file in files]
    left = {before for before, now in changes if before is not None and before != now}
    drop_photos_without_files(connection, left)
    return any(before != now for before, now in changes)


def _put(connection: Connection, file: KnownFile) -> int | None:
    """Write a file's row; the photo that the file showed before."""
    stamp, path = file.stamp, os.fsencode(file.stamp.path)
    before = fetched(connection, "SELECT photo_id FROM files WHERE path = ?", path)
    name_start = len(path) - len(os.path.basename(path))  # noqa: PTH119 - Path would normalise
    values = (path, name_start, stamp.size, stamp.mtime_ns, file.photo_id, file.kind, file.reason)
    run_many(connection, _PUT, [(*values, seal_of(values))])
    return before[0][0] if before else None


def remove_files(connection: Connection, paths: Iterable[str]) -> tuple[int, int]:
    """Forget files, and the photos that have no other; how many files that showed a photo, and
    how many photos, went."""
    showing, affected = 0, set[int]()
    for path in paths:
        row = connection.execute(
            select(FileTable.photo_id).where(FileTable.path == path)
        ).one_or_none()
        if row is None:
            continue
        connection.execute(delete(FileTable).where(FileTable.path == path))
        if row.photo_id is not None:
            showing += 1
            affected.add(row.photo_id)
    return showing, drop_photos_without_files(connection, affected)


def drop_photos_without_files(connection: Connection, candidates: Iterable[int]) -> int:
    """Remove those of the photos that no file shows any more; returns how many."""
    return sum(
        connection.exec_driver_sql(
            "DELETE FROM photos WHERE id = ?1"
            " AND NOT EXISTS (SELECT 1 FROM files WHERE photo_id = ?1)",
            (photo_id,),
        ).rowcount
        for photo_id in candidates
    )


def count_generation(connection: Connection) -> None:
    """Note that photos or segments change in this transaction, and draw a name for what comes."""
    connection.exec_driver_sql(
        "INSERT INTO revisions SELECT coalesce(max(generation), 0) + 1, randomblob(16)"
        " FROM revisions"
    )


def next_id(connection: Connection, table: str) -> int:
    """The id of the next row of `photos` or `segments`: none ever had it, nor any after it."""
    # AUTOINCREMENT's own memory of the highest id ever given, also to rows long gone
    # — unless it was damaged: the rows that are there count as well
    vectors, owner = (
        ("photo_vectors", "photo_id") if table == "photos" else ("vectors", "segment_id")
    )
    ((last,),) = fetched(
        connection,
        "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0),"
        f" coalesce((SELECT max(id) FROM {table}), 0),"
        f" coalesce((SELECT max({owner}) FROM {vectors}), 0))",
        table,
    )
    if type(last) is not int or not 0 <= last < LARGEST_ID:
        raise IndexDamaged(f"the index' count of {table} is not what was written", TO_MEND)
    return last + 1
