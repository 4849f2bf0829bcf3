"""Whole photos read and written: many at once, all rows judged, and none made a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert

from indexer.catalog import vector_codec
from indexer.catalog.damaged_photo import (
    LACKS_VECTOR,
    OTHER_SEGMENTS,
    WRONG_MASKS,
    damaged_photo,
)
from indexer.catalog.records import KnownFile, Origin, PhotoRow
from indexer.catalog.row_records import Owner
from indexer.catalog.sqlite import rows
from indexer.catalog.sqlite.database import fetched
from indexer.catalog.sqlite.row_faults import (
    LARGEST_ID,
    NOT_AS_WRITTEN,
    origin_fault,
    vector_faults,
)
from indexer.catalog.sqlite.seals import (
    SEALED,
    insert_sealed,
    seal_of,
    seal_of_vector,
    seal_rows,
    selected,
)
from indexer.catalog.sqlite.tables import PhotoTable
from indexer.catalog.sqlite.transactions import next_id, put_files
from indexer.catalog.vector_codec import Numbers
from indexer.catalog.whole_photos import WholePhotos, groups
from model.errors import StorageError

_SEGMENTS = f"SELECT {selected('segments')} FROM segments WHERE photo_id = ? ORDER BY id"
_VECTORS = (
    f"SELECT {selected('vectors')} FROM vectors WHERE segment_id >= ? AND segment_id < ?"
    " ORDER BY segment_id"
)
_PHOTO_VECTOR = f"SELECT {selected('photo_vectors')} FROM photo_vectors WHERE photo_id = ?"
_ORIGINS = f"SELECT {selected('origins')} FROM origins WHERE segment_id >= ? AND segment_id < ?"
_TYPES: tuple[set[type], ...] = ({int}, {int}, {int, type(None)}, {int}, {float}, {bytes}, {bytes})
_SECONDS = SEALED["photos"].index("seconds")
_OWNER = [SEALED["photos"].index(name) for name in Owner._fields]

Row = tuple[Any, ...]


def whole_photos(
    connection: Connection, ids: Iterable[int], dimension: int
) -> Iterator[WholePhotos]:
    """Those of the photos that there are, by id, some at a time.

    Raises:
        IndexDamaged: a row is not what was written.
    """
    told, stamps = rows.raw_photos(connection, ids)
    photos = [told[photo_id] for photo_id in sorted(told)]
    records = [rows.judged_photo(row, stamps[row[0]]) for row in photos]  # judges them
    owners = [Owner(*(row[place] for place in _OWNER)) for row in photos]
    seconds = [row[_SECONDS] for row in photos]
    for some in groups([owner.segment_count for owner in owners]):
        yield _read(connection, records[some], owners[some], seconds[some], dimension)


def _read(
    connection: Connection,
    records: Sequence[PhotoRow],
    owners: Sequence[Owner],
    seconds: Sequence[float],
    dimension: int,
) -> WholePhotos:
    segments: list[Row] = []
    vectors: list[Row] = []
    of_photos: list[Row] = []
    origins: dict[int, Origin] = {}
    for record, owner in zip(records, owners, strict=True):
        ids = range(owner.first_segment, owner.first_segment + owner.segment_count)
        found = fetched(connection, _SEGMENTS, record.id)
        held = fetched(connection, _VECTORS, ids.start, ids.stop)
        whole = fetched(connection, _PHOTO_VECTOR, record.id)
        if [row[0] for row in found] != list(ids):
            raise damaged_photo(record.id, OTHER_SEGMENTS)
        if [row[0] for row in held] != list(ids) or not whole:
            raise damaged_photo(record.id, LACKS_VECTOR)
        for row in fetched(connection, _ORIGINS, ids.start, ids.stop):
            if fault := origin_fault(row):
                raise damaged_photo(record.id, fault)
            origins[len(segments) + row[0] - ids.start] = Origin(row[1], row[2])
        segments += found
        vectors += held
        of_photos += whole
    _require_written(segments)
    many = [owner.segment_count for owner in owners]
    photos = WholePhotos.of_rows(
        records,
        [owner[2:4] for owner in owners],
        seconds,
        many,
        [row[2:7] for row in segments],
        _numbers(vectors, np.repeat([record.id for record in records], many).tolist(), dimension),
        _numbers(of_photos, [record.id for record in records], dimension),
        origins,
    )
    photos.require_sound()
    return photos


def _require_written(segments: Sequence[Row]) -> None:
    """Judge types and seals of rows of segments."""
    columns = zip(*segments, strict=True)
    if any(
        not types >= set(map(type, column)) for types, column in zip(_TYPES, columns, strict=False)
    ):
        for row in segments:
            if any(type(v) not in types for types, v in zip(_TYPES, row, strict=False)):
                raise damaged_photo(row[1], WRONG_MASKS)
    for row in segments:
        if row[-1] != seal_of(row[:-1]):
            raise damaged_photo(row[1], NOT_AS_WRITTEN)


def _numbers(held: Sequence[Row], owners: Sequence[int], dimension: int) -> Numbers:
    """Vectors of rows of `vectors` or `photo_vectors`, once all are what was written."""
    if not all(
        type(vector) is bytes and len(vector) == dimension and seal == seal_of_vector(key, vector)
        for key, vector, seal in held
    ):
        for owner, fault in zip(owners, vector_faults(held, dimension), strict=True):
            if fault:
                raise damaged_photo(owner, fault)
    return vector_codec.numbers_in((row[1] for row in held), dimension)


def insert_photos(connection: Connection, photos: WholePhotos) -> list[int]:
    """Write photos that are not there yet, their segments, vectors and files; returns their ids.

    Photos that this takes their last file from go.
    """
    first_id, first = next_id(connection, "photos"), next_id(connection, "segments")
    if first + len(photos.counts) > LARGEST_ID:
        raise StorageError(
            "the index has no more numbers for segments", "index into another folder"
        )
    ids = list(range(first_id, first_id + len(photos)))
    connection.execute(insert(PhotoTable), list(map(_photo_values, ids, *_columns(photos, first))))
    seal_rows(connection, "photos", "id >= ?", first_id)
    parents = [None if parent < 0 else parent for parent in photos.parents.tolist()]
    segments = (
        range(first, first + len(parents)),
        np.repeat(ids, photos.many).tolist(),
        parents,
        photos.areas.tolist(),
        photos.quality.tolist(),
        photos.boxes,
        photos.counts,
    )
    insert_sealed(connection, "segments", zip(*segments, strict=True))
    insert_sealed(connection, "vectors", enumerate(_packed(photos.vectors), first))
    insert_sealed(connection, "photo_vectors", zip(ids, _packed(photos.photo_vectors), strict=True))
    insert_sealed(
        connection,
        "origins",
        ((first + at, each.prompt, each.proposer) for at, each in sorted(photos.origins.items())),
    )
    shown_by = zip(photos.rows, ids, strict=True)
    put_files(connection, [KnownFile(stamp, i) for row, i in shown_by for stamp in row.stamps])
    return ids


def _columns(photos: WholePhotos, first: int) -> tuple[Iterable[Any], ...]:
    return (
        photos.rows,
        photos.frames.tolist(),
        (first + photos.firsts).tolist(),
        photos.many.tolist(),
        photos.seconds.tolist(),
    )


def _photo_values(
    photo_id: int, row: PhotoRow, frame: list[int], first: int, many: int, seconds: float
) -> dict[str, object]:
    return {
        "id": photo_id,
        "content_hash": row.content_hash,
        "format": row.format,
        "height": row.size[0],
        "width": row.size[1],
        "orientation": row.orientation,
        "taken_at": row.taken_at,
        "camera": row.camera,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "perceptual_hash": row.perceptual_hash,
        "frame_height": frame[0],
        "frame_width": frame[1],
        "first_segment": first,
        "segment_count": many,
        "seconds": seconds,
        "pixel_digest": row.pixel_digest,
        "taken_offset": row.taken_offset,
        "taken_source": row.taken_source,
    }


def _packed(numbers: Numbers) -> list[bytes]:
    return [row.tobytes() for row in numbers]
