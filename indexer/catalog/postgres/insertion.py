"""Insertion of photos with their segments, vectors and files: one at a time, or many by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import box_codec
from indexer.catalog.photo_ninths import ninths_of
from indexer.catalog.postgres import binary_arrays
from indexer.catalog.postgres.binary_arrays import BinaryArray
from indexer.catalog.postgres.database import Connection, Row
from indexer.catalog.postgres.half_vectors import sent_halves
from indexer.catalog.postgres.transactions import (
    NEXT,
    PUT,
    Head,
    count_generation,
    drop_photos_without_files,
    next_values,
    photo_before,
    put_files,
    put_values,
    storable,
)
from indexer.catalog.records import FileStamp, IndexedPhoto, KnownFile
from indexer.catalog.whole_photos import WholePhotos

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
_OF_PHOTOS = {
    "id": "int8", "content_hash": "bytea", "format": "text", "height": "int8", "width": "int8",
    "orientation": "int8", "taken_at": "timestamp", "taken_offset": "int8", "taken_source": "text",
    "camera": "text", "latitude": "float8", "longitude": "float8", "perceptual_hash": "int8",
    "frame_height": "int8", "frame_width": "int8", "first_segment": "int8",
    "segment_count": "int8", "seconds": "float8", "pixel_digest": "bytea",
}  # fmt: skip
_OF_SEGMENTS = {
    "id": "int8", "photo_id": "int8", "parent": "int8", "area": "int8", "share": "float8",
    "centre_x": "float4", "centre_y": "float4", "ninth": "int2", "quality": "float8",
    "box": "bytea", "counts": "bytea",
}  # fmt: skip
# a vector's own bytes: COPY asks for no type
_OF_VECTORS = {"segment_id": "int8", "vector": "bytea"}
_OF_PHOTO_VECTORS = {"photo_id": "int8", "vector": "bytea"}
_OF_ORIGINS = {"segment_id": "int8", "prompt": "text", "proposer": "text"}
_PHOTO = (
    f"INSERT INTO photos ({', '.join(_OF_PHOTOS)}) VALUES"
    f" ({', '.join('%b' if kind == 'bytea' else '%s' for kind in _OF_PHOTOS.values())})"
)
_WHOLE = f"""
WITH photo AS ({_PHOTO}), own AS (INSERT INTO photo_vectors VALUES (%s, %b::halfvec)),
    segment AS ({_SEGMENTS}), vector AS ({_VECTORS}), {PUT}, {NEXT}
SELECT photo_id FROM before
"""

Columns = tuple[Sequence[Any], ...]


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo with all that can be made ready before the transaction.

    Attributes:
        whole: the photo alone.
        stamp: file that shows it.
        segments: values of its segments, a column each, as `sent_columns` gives them.
        vectors: its segments' vectors as they are kept.
        of_photo: its own.
    """

    whole: WholePhotos
    stamp: FileStamp
    segments: tuple[BinaryArray, ...]
    vectors: Sequence[bytes]
    of_photo: BinaryArray

    @classmethod
    def of(cls, photo: IndexedPhoto, stamp: FileStamp) -> PreparedPhoto:
        """The photo, prepared."""
        whole = WholePhotos.of(photo, stamp)
        (of_photo,) = sent_halves(whole.photo_vectors)
        vectors = sent_halves(whole.vectors)
        return cls(whole, stamp, sent_columns(columns_of(whole)), vectors, BinaryArray(of_photo))


def insert_photo(connection: Connection, head: Head, prepared: PreparedPhoto) -> int:
    """Write a photo that is not there yet, its segments, vectors and file; returns its id.

    A photo that this takes its last file from goes. All is one statement.
    """
    first = head.last_segment
    ((photo_id, *others),) = _taken(head, prepared.whole)
    put = connection.execute(
        _WHOLE,
        (
            *(photo_id, *others),
            *(photo_id, prepared.of_photo),
            *(first, photo_id, *prepared.segments),
            *(first, sent_vectors(connection, prepared.vectors)),
            *put_values(KnownFile(prepared.stamp, photo_id)),
            *next_values(head),
        ),
    )
    if (before := photo_before(put)) is not None:
        drop_photos_without_files(connection, [before])
    return int(photo_id)


def insert_photos(connection: Connection, head: Head, photos: WholePhotos) -> list[int]:
    """Write photos that are not there yet, with all that belongs to them; returns their ids.

    Photos that this takes their last file from go.
    """
    first = head.last_segment + 1
    of_photos = _taken(head, photos)
    ids = [row[0] for row in of_photos]
    segment_ids = range(first, first + len(photos.counts))
    owners = np.repeat(ids, photos.many).tolist()
    _copy(connection, "photos", _OF_PHOTOS, of_photos)
    segments = zip(segment_ids, owners, *columns_of(photos), strict=True)
    _copy(connection, "segments", _OF_SEGMENTS, segments)
    vectors = zip(segment_ids, sent_halves(photos.vectors), strict=True)
    _copy(connection, "vectors", _OF_VECTORS, vectors)
    of_whole = zip(ids, sent_halves(photos.photo_vectors), strict=True)
    _copy(connection, "photo_vectors", _OF_PHOTO_VECTORS, of_whole)
    if photos.origins:
        origins = sorted(photos.origins.items())
        told = ((first + at, storable(each.prompt), each.proposer) for at, each in origins)
        _copy(connection, "origins", _OF_ORIGINS, told)
    shown = zip(photos.rows, ids, strict=True)
    put_files(connection, [KnownFile(stamp, i) for row, i in shown for stamp in row.stamps])
    count_generation(connection, head)
    return ids


def insert_segments(
    connection: Connection,
    photo_id: int,
    first: int,
    segments: Sequence[BinaryArray],
    vectors: Sequence[bytes],
) -> None:
    """Write segments and their vectors under ids from `first` on.

    Args:
        connection: connection in a transaction.
        photo_id: photo that they are of.
        first: id of the first.
        segments: a column each, as `sent_columns` gives them.
        vectors: vectors as they are kept.
    """
    connection.execute(_SEGMENTS, (first - 1, photo_id, *segments))
    connection.execute(_VECTORS, (first - 1, sent_vectors(connection, vectors)))


def sent_columns(columns: Columns) -> tuple[BinaryArray, ...]:
    """Values of segments as they are sent beside a statement, a column each."""
    return tuple(
        binary_arrays.byte_strings(values)
        if kind == "bytea"
        else binary_arrays.numbers(values, kind)
        for values, kind in zip(columns, list(_OF_SEGMENTS.values())[2:], strict=True)
    )


def sent_vectors(connection: Connection, vectors: Sequence[bytes]) -> BinaryArray:
    """Vectors as they are sent beside a statement."""
    return binary_arrays.byte_strings(vectors, binary_arrays.oid_of(connection, "halfvec"))


def columns_of(photos: WholePhotos) -> Columns:
    """`segment_columns` of all segments of some photos."""
    frames = photos.frames[photos.owners]
    return segment_columns(
        frames, photos.parents, photos.areas, photos.quality, photos.boxes, photos.counts
    )


def segment_columns(
    frames: NDArray[np.int64],
    parents: NDArray[np.int64],
    areas: NDArray[np.int64],
    quality: NDArray[np.floating],
    boxes: Sequence[bytes],
    counts: Sequence[bytes],
) -> Columns:
    """Values of segments: parent, area, share, centre, ninth, quality, box and counts of each.

    Args:
        frames: N×2, height and width of each one's frame, pixels.
        parents: N ordinals, or -1.
        areas: N, pixels.
        quality: N, from 0 to 1.
        boxes: N packed boxes.
        counts: N run lengths.
    """
    corners = box_codec.unpack_all(boxes).astype(np.float64)
    centres = ((corners[:, :2] + corners[:, 2:]) / 2 / frames[:, ::-1]).astype(np.float32)
    return (
        [parent if parent >= 0 else None for parent in parents.tolist()],
        areas.tolist(),
        (areas / frames.prod(axis=1)).tolist(),
        centres[:, 0].tolist(),
        centres[:, 1].tolist(),
        ninths_of(centres).tolist(),
        quality.tolist(),
        boxes,
        counts,
    )


def _taken(head: Head, photos: WholePhotos) -> list[Row]:
    """Rows of `photos`, under ids that are taken out of the counters with those of segments."""
    first_id, first = head.last_photo + 1, head.last_segment + 1
    head.last_photo += len(photos)
    head.last_segment += len(photos.counts)
    return [
        (
            first_id + place, row.content_hash, storable(row.format), *row.size, row.orientation,
            row.taken_at, row.taken_offset, storable(row.taken_source), storable(row.camera),
            row.latitude, row.longitude, row.perceptual_hash, *frame, of_first, many, seconds,
            row.pixel_digest,
        )
        for place, (row, frame, of_first, many, seconds) in enumerate(zip(
            photos.rows, photos.frames.tolist(), (first + photos.firsts).tolist(),
            photos.many.tolist(), photos.seconds.tolist(), strict=True,
        ))
    ]  # fmt: skip


def _copy(
    connection: Connection, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows of a table, whose columns are given with their types."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor().copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
