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
from indexer.catalog.postgres.database import Connection, Row, fetched
from indexer.catalog.postgres.half_vectors import half_vectors
from indexer.catalog.postgres.path_regex import searchable
from indexer.catalog.present_file import is_held
from indexer.catalog.records import FileStamp, IndexedPhoto, ReadPhoto
from model.masks.segments import Segments

_SEGMENTS = """
INSERT INTO segments (id, photo_id, parent, area, share, centre_x, centre_y, ninth, quality, box,
    counts)
SELECT %s + place, %s, parent, area, share, centre_x, centre_y, ninth, quality, box, counts
FROM unnest(%b::bigint[], %b::bigint[], %b::float8[], %b::float4[], %b::float4[], %b::int2[],
    %b::float8[], %b::bytea[], %b::bytea[]) WITH ORDINALITY
AS given (parent, area, share, centre_x, centre_y, ninth, quality, box, counts, place)
"""
_VECTORS = """
INSERT INTO vectors (segment_id, vector)
SELECT %s + place, vector FROM unnest(%b::halfvec[]) WITH ORDINALITY AS given (vector, place)
"""
_PHOTO = (
    "INSERT INTO photos (id, content_hash, format, height, width, orientation, taken_at,"
    " taken_offset, taken_source, camera, latitude, longitude, perceptual_hash, frame_height,"
    " frame_width, first_segment, segment_count, seconds, pixel_digest)"
    " VALUES (%s, %b, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b)"
)
_HEAD = "SELECT generation, last_photo, last_segment FROM head FOR UPDATE"
_KNOWN = """
SELECT id FROM (
    SELECT id, 0 AS rank FROM photos WHERE content_hash = %b
    UNION ALL (SELECT id, 1 FROM photos WHERE pixel_digest = %b ORDER BY id LIMIT 1)
) AS found ORDER BY rank LIMIT 1
"""
_PUT = """
WITH before AS (SELECT photo_id FROM files WHERE path = %b), put AS (
    INSERT INTO files (path, shown, size, mtime_ns, photo_id, kind, reason)
    VALUES (%b, %s, %s, %s, %s, %s, %s) ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, photo_id = excluded.photo_id,
    kind = excluded.kind, reason = excluded.reason
)
SELECT photo_id FROM before
"""


Columns = tuple[list[Any], ...]


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
        segments: values of its segments, a column each, as `segment_columns` gives them.
        vectors: its segments' vectors as they are kept.
        of_photo: its own.
    """

    photo: IndexedPhoto
    segments: Columns
    vectors: list[Any]
    of_photo: Any

    @classmethod
    def of(cls, photo: IndexedPhoto) -> PreparedPhoto:
        """The photo, prepared."""
        return cls(
            photo,
            segment_columns(photo.segments),
            half_vectors(photo.embeddings.vectors),
            half_vectors(photo.photo_embedding.vectors)[0],
        )


def locked_head(connection: Connection) -> Head:
    """The catalog's counters; who else changes it waits until this transaction ends."""
    ((generation, photo, segment),) = fetched(connection, _HEAD)
    return Head(generation, photo, segment)


def count_generation(connection: Connection, head: Head) -> None:
    """Note that photos or segments change in this transaction, and draw a name for what comes."""
    connection.execute(
        "WITH next AS (UPDATE head SET generation = %s, last_photo = %s, last_segment = %s,"
        " revision = uuid_send(gen_random_uuid()) RETURNING generation, revision)"
        " INSERT INTO revisions SELECT generation, revision FROM next",
        (head.generation + 1, head.last_photo, head.last_segment),
    )


def insert_photo(
    connection: Connection, head: Head, prepared: PreparedPhoto, stamp: FileStamp
) -> int:
    """Write a photo that is not there yet, its segments, vectors and file; returns its id.

    A photo that this takes its last file from goes. All is sent at once.
    """
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
        put = connection.execute(_PUT, _put_values(stamp, photo_id, None, None))
        count_generation(connection, head)
    if before := [row[0] for row in put.fetchall() if row[0] is not None]:
        drop_photos_without_files(connection, before)
    return photo_id


def insert_segments(
    connection: Connection,
    photo_id: int,
    first: int,
    segments: Columns,
    vectors: Sequence[Any],
) -> None:
    """Write segments and their vectors under ids from `first` on."""
    if vectors:
        connection.execute(_SEGMENTS, (first - 1, photo_id, *segments))
        connection.execute(_VECTORS, (first - 1, list(vectors)))


def segment_columns(segments: Segments) -> Columns:
    """Values of segments: parent, area, share, centre, ninth, quality, box and counts of each."""
    height, width = segments.size
    boxes = segments.boxes.astype(np.float64)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array([width, height])
    centres = middles.astype(np.float32)
    return (
        [parent if parent >= 0 else None for parent in segments.parents.tolist()],
        segments.areas.tolist(),
        (segments.areas / (height * width)).tolist(),
        centres[:, 0].tolist(),
        centres[:, 1].tolist(),
        ninths_of(centres).tolist(),
        segments.quality.tolist(),
        [box_codec.pack(box) for box in segments.boxes],
        list(segments.counts),
    )


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
    before = connection.execute(_PUT, _put_values(stamp, photo_id, kind, reason)).fetchall()
    return before[0][0] if before else None


def _put_values(
    stamp: FileStamp, photo_id: int | None, kind: str | None, reason: str | None
) -> Row:
    path, shown = os.fsencode(stamp.path), searchable(stamp.path)
    return path, path, shown, stamp.size, stamp.mtime_ns, photo_id, kind, _text(reason)


def _text(value: str | None) -> str | None:
    """Text as PostgreSQL holds it: all but the character of number 0."""
    return None if value is None else value.replace("\0", "")
