"""The changes that one transaction is made of: a photo with its segments and vectors, its files.

Each locks the row of `head` first, so that all that changes a catalog waits in one line, as short
as the statements that follow: what they write was made ready before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from indexer.catalog import box_codec
from indexer.catalog.photo_ninths import ninths_of
from indexer.catalog.postgres.database import Connection, Row, fetched, run_many
from indexer.catalog.postgres.half_vectors import half_vectors
from indexer.catalog.postgres.path_regex import searchable
from indexer.catalog.present_file import is_held
from indexer.catalog.records import FileStamp, IndexedPhoto, ReadPhoto
from model.masks.segments import Segments

_SEGMENT = (
    "INSERT INTO segments (id, photo_id, parent, area, share, centre_x, centre_y, ninth, quality,"
    " box, counts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %b)"
)
_VECTOR = "INSERT INTO vectors (segment_id, vector) VALUES (%s, %b)"
_PHOTO = (
    "INSERT INTO photos (id, content_hash, format, height, width, orientation, taken_at,"
    " taken_offset, taken_source, camera, latitude, longitude, perceptual_hash, frame_height,"
    " frame_width, first_segment, segment_count, seconds, pixel_digest)"
    " VALUES (%s, %b, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b)"
)
_PUT = (
    "INSERT INTO files (path, shown, size, mtime_ns, photo_id, kind, reason)"
    " VALUES (%b, %s, %s, %s, %s, %s, %s) ON CONFLICT (path) DO UPDATE SET"
    " size = excluded.size, mtime_ns = excluded.mtime_ns, photo_id = excluded.photo_id,"
    " kind = excluded.kind, reason = excluded.reason"
)


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


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo with all that can be made ready before the transaction.

    Attributes:
        photo: the photo.
        segments: values of its segments' rows, without ids.
        vectors: its segments' vectors as they are kept.
        of_photo: its own.
    """

    photo: IndexedPhoto
    segments: list[Row]
    vectors: list[Any]
    of_photo: Any

    @classmethod
    def of(cls, photo: IndexedPhoto) -> PreparedPhoto:
        """The photo, prepared."""
        return cls(
            photo,
            segment_values(photo.segments),
            half_vectors(photo.embeddings.vectors),
            half_vectors(photo.photo_embedding.vectors)[0],
        )


def locked_head(connection: Connection) -> Head:
    """The catalog's counters; who else changes it waits until this transaction ends."""
    ((generation, photo, segment),) = fetched(
        connection, "SELECT generation, last_photo, last_segment FROM head FOR UPDATE"
    )
    return Head(generation, photo, segment)


def count_generation(connection: Connection, head: Head) -> None:
    """Note that photos or segments change in this transaction, and draw a name for what comes."""
    connection.execute(
        "WITH next AS (UPDATE head SET generation = %s, last_photo = %s, last_segment = %s,"
        " revision = uuid_send(gen_random_uuid()) RETURNING generation, revision)"
        " INSERT INTO revisions SELECT generation, revision FROM next",
        (head.generation + 1, head.last_photo, head.last_segment),
    )


def insert_photo(connection: Connection, head: Head, prepared: PreparedPhoto) -> int:
    """Write a photo that is not there yet, its segments and vectors; returns its id."""
    photo = prepared.photo
    header, segments = photo.header, photo.segments
    head.last_photo += 1
    photo_id, first = head.last_photo, head.last_segment + 1
    head.last_segment += len(segments)
    with connection.pipeline():
        connection.execute(
            _PHOTO,
            (
                photo_id,
                photo.content_hash,
                _text(header.format),
                *header.size,
                header.orientation,
                header.taken_at,
                header.taken_offset,
                _text(header.taken_source),
                _text(header.camera),
                header.latitude,
                header.longitude,
                photo.perceptual_hash,
                *segments.size,
                first,
                len(segments),
                photo.seconds,
                photo.pixel_digest,
            ),
        )
        connection.execute(
            "INSERT INTO photo_vectors VALUES (%s, %b)", (photo_id, prepared.of_photo)
        )
        insert_segments(connection, photo_id, first, prepared.segments, prepared.vectors)
    return photo_id


def insert_segments(
    connection: Connection,
    photo_id: int,
    first: int,
    segments: Sequence[Row],
    vectors: Sequence[Any],
) -> None:
    """Write segments and their vectors under ids from `first` on."""
    numbered = enumerate(segments, first)
    run_many(connection, _SEGMENT, [(i, photo_id, *values) for i, values in numbered])
    run_many(connection, _VECTOR, list(enumerate(vectors, first)))


def segment_values(segments: Segments) -> list[Row]:
    """Values of segments' rows: parent, area, share, centre, ninth, quality, box and counts."""
    height, width = segments.size
    boxes = segments.boxes.astype(np.float64)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array([width, height])
    centres = middles.astype(np.float32)
    return [
        (
            parent if parent >= 0 else None,
            area,
            area / (height * width),
            *centre,
            ninth,
            quality,
            box_codec.pack(box),
            counts,
        )
        for parent, area, centre, ninth, quality, box, counts in zip(
            segments.parents.tolist(),
            segments.areas.tolist(),
            centres.tolist(),
            ninths_of(centres).tolist(),
            segments.quality.tolist(),
            segments.boxes,
            segments.counts,
            strict=True,
        )
    ]


def known_photo(connection: Connection, photo: IndexedPhoto | ReadPhoto) -> int | None:
    """The id of the photo with this content, else of the first with these pixels."""
    found = fetched(
        connection,
        "SELECT id FROM (SELECT id, 0 AS rank FROM photos WHERE content_hash = %b UNION ALL"
        " (SELECT id, 1 FROM photos WHERE pixel_digest = %b ORDER BY id LIMIT 1)) AS found"
        " ORDER BY rank LIMIT 1",
        photo.content_hash,
        photo.pixel_digest,
    )
    return found[0][0] if found else None


def describe_anew(
    connection: Connection, photo_id: int, photo: IndexedPhoto | ReadPhoto, path: str
) -> None:
    """Let a known photo's row tell what its file at `path` says, where that file is the photo's.

    It is if it showed the photo before, so that its metadata were edited, or if no other file of
    the photo is there. A copy, perhaps stripped of its date, changes nothing.
    """
    found = fetched(connection, "SELECT path FROM files WHERE photo_id = %s", photo_id)
    paths = {os.fsdecode(row[0]) for row in found}
    if path not in paths and any(is_held(other) for other in paths):
        return
    header = photo.header
    connection.execute(
        "UPDATE photos SET content_hash = %b, format = %s, orientation = %s, taken_at = %s,"
        " taken_offset = %s, taken_source = %s, camera = %s, latitude = %s, longitude = %s,"
        " pixel_digest = coalesce(%b, pixel_digest) WHERE id = %s",
        (
            photo.content_hash,
            _text(header.format),
            header.orientation,
            header.taken_at,
            header.taken_offset,
            _text(header.taken_source),
            _text(header.camera),
            header.latitude,
            header.longitude,
            photo.pixel_digest,
            photo_id,
        ),
    )


def put_file(
    connection: Connection,
    stamp: FileStamp,
    photo_id: int | None,
    kind: str | None = None,
    reason: str | None = None,
) -> bool:
    """Say what a file shows, or why it was skipped; whether any photo changed by that.

    A photo that this takes its last file from goes.
    """
    before = _put(connection, stamp, photo_id, kind, reason)
    if before is not None and before != photo_id:
        drop_photos_without_files(connection, [before])
    return before != photo_id


def put_files(connection: Connection, shown: Iterable[tuple[FileStamp, int]]) -> bool:
    """Say what several files show, as if at once; whether any photo changed by that.

    Photos that this takes their last file from go, but not those that only change names.
    """
    left, changed = set[int](), False
    for stamp, photo_id in shown:
        before = _put(connection, stamp, photo_id, None, None)
        changed |= before != photo_id
        if before is not None:
            left.add(before)
    drop_photos_without_files(connection, left)
    return changed


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


def _put(
    connection: Connection,
    stamp: FileStamp,
    photo_id: int | None,
    kind: str | None,
    reason: str | None,
) -> int | None:
    """Write a file's row; the photo that the file showed before."""
    path = os.fsencode(stamp.path)
    before = fetched(connection, "SELECT photo_id FROM files WHERE path = %b", path)
    connection.execute(
        _PUT,
        (path, searchable(stamp.path), stamp.size, stamp.mtime_ns, photo_id, kind, _text(reason)),
    )
    return before[0][0] if before else None


def _text(value: str | None) -> str | None:
    """Text as PostgreSQL holds it: all but the character of number 0."""
    return None if value is None else value.replace("\0", "")
