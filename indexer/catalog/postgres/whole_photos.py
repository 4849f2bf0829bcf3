"""Whole photos read: many at once, all rows judged, and none made a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from indexer.catalog.damaged_photo import (
    LACKS_VECTOR,
    OTHER_SEGMENTS,
    WRONG_VECTOR,
    damaged_photo,
)
from indexer.catalog.postgres import rows
from indexer.catalog.postgres.database import Connection, Row, fetched
from indexer.catalog.postgres.half_vectors import kept_numbers
from indexer.catalog.records import Origin, PhotoRow
from indexer.catalog.vector_codec import Numbers
from indexer.catalog.whole_photos import WholePhotos, groups

_OWNERS = """
SELECT id, first_segment, segment_count, frame_height, frame_width, seconds FROM photos
WHERE id = ANY(%s::bigint[]) ORDER BY id
"""
_SEGMENTS = """
SELECT id, photo_id, parent, area, quality, box, counts FROM segments
WHERE photo_id = ANY(%s::bigint[]) ORDER BY photo_id, id
"""
_VECTORS = """
SELECT segment_id, halfvec_send(vector) FROM vectors
WHERE segment_id >= %s AND segment_id < %s ORDER BY segment_id
"""
_PHOTO_VECTORS = """
SELECT photo_id, halfvec_send(vector) FROM photo_vectors
WHERE photo_id = ANY(%s::bigint[]) ORDER BY photo_id
"""
_ORIGINS = """
SELECT segment_id, prompt, proposer FROM origins WHERE segment_id >= %s AND segment_id < %s
"""


def whole_photos(
    connection: Connection, ids: Iterable[int], dimension: int
) -> Iterator[WholePhotos]:
    """Those of the photos that there are, by id, some at a time.

    Raises:
        IndexDamaged: a row is not what was written.
    """
    records = rows.photo_rows(connection, ids)
    owners = fetched(connection, _OWNERS, list(records))
    for some in groups([row[2] for row in owners]):
        group = owners[some]
        yield _read(connection, [records[row[0]] for row in group], group, dimension)


def _read(
    connection: Connection, records: Sequence[PhotoRow], owners: Sequence[Row], dimension: int
) -> WholePhotos:
    """Photos and what belongs to them.

    Args:
        connection: connection in a transaction.
        records: the photos, by id.
        owners: rows of `_OWNERS`, of the same.
        dimension: components of a vector.
    """
    ids = [record.id for record in records]
    spans = [(first, first + many) for _, first, many, *_ in owners]
    of_segments = {
        segment_id: photo_id
        for photo_id, span in zip(ids, spans, strict=True)
        for segment_id in range(*span)
    }
    segments = fetched(connection, _SEGMENTS, ids)
    if wrong := {row[:2] for row in segments} ^ of_segments.items():
        raise damaged_photo(min(photo_id for _, photo_id in wrong), OTHER_SEGMENTS)
    vectors: list[Row] = []
    origins: dict[int, Origin] = {}
    for first, end in _joined(spans):
        for segment_id, prompt, proposer in fetched(connection, _ORIGINS, first, end):
            origins[len(vectors) + segment_id - first] = Origin(prompt, proposer)
        vectors += fetched(connection, _VECTORS, first, end)
    own = fetched(connection, _PHOTO_VECTORS, ids)
    lacking = [of_segments[i] for i in of_segments.keys() - {row[0] for row in vectors}]
    lacking += set(ids) - {row[0] for row in own}
    if lacking:
        raise damaged_photo(min(lacking), LACKS_VECTOR)
    photos = WholePhotos.of_rows(
        records,
        [row[3:5] for row in owners],
        [row[5] for row in owners],
        [row[2] for row in owners],
        [row[2:] for row in segments],
        _numbers([(of_segments[key], vector) for key, vector in vectors], dimension),
        _numbers(own, dimension),
        origins,
    )
    photos.require_sound()
    return photos


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of ids that follow each other as one, in their order."""
    joined: list[tuple[int, int]] = []
    for first, end in spans:
        if joined and joined[-1][1] == first:
            first = joined.pop()[0]
        joined.append((first, end))
    return joined


def _numbers(held: Sequence[tuple[int, bytes]], dimension: int) -> Numbers:
    """Vectors of photos' ids and what the server sends, once all are what was written."""
    numbers, whole = kept_numbers((sent for _, sent in held), dimension)
    if not whole.all():
        raise damaged_photo(held[int(whole.argmin())][0], WRONG_VECTOR)
    return numbers
