"""The reading half of the catalog in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog import CatalogReader
from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.job_list import Sharer
from indexer.catalog.path_pattern import nearest_paths
from indexer.catalog.postgres import failures, rows, stored_vectors
from indexer.catalog.postgres.column_query import (
    Ids,
    photo_columns,
    segment_columns,
    selected_segments,
)
from indexer.catalog.postgres.conditions import conditions_of
from indexer.catalog.postgres.database import Database, fetched
from indexer.catalog.postgres.postgres_jobs import sharers_of
from indexer.catalog.postgres.schema import server_facts
from indexer.catalog.postgres.whole_photos import whole_photos
from indexer.catalog.records import (
    Counts,
    Filter,
    KnownFile,
    Manifest,
    PhotoRow,
    SegmentRow,
    SkippedFile,
    Watermark,
)
from indexer.catalog.whole_photos import WholePhotos

_MOST_PATHS = 200_000
"""Paths that are compared with one that meets none: a hint need not cost minutes."""


class PostgresReader(CatalogReader):
    """Reading face of a catalog in one schema of a database; raises what `Database` raises.

    Attributes:
        database: connections, which a store of vectors in the same database shares.
    """

    def __init__(self, folder: Path, database: Database, manifest: Manifest, version: int) -> None:
        self.folder = folder
        self.manifest = manifest
        self.database = database
        self._version = version

    def close(self) -> None:
        """Let the connections go."""
        self.database.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it, all that this thread reads is of one commit, and read on one connection."""
        with self.database.reading():
            yield

    @property
    def schema_version(self) -> int:
        """Version of the tables."""
        return self._version

    @property
    def watermark(self) -> Watermark:
        """Name of the last commit that changed photos or segments.

        Raises:
            StorageError: another index has taken the place of this one.
        """
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT generation, revision,"
                " (SELECT value FROM manifest WHERE key = 'catalog_id') FROM head",
            )
        if not found or found[0][2] != self.manifest.catalog_id:
            raise failures.replaced(self.database.location)
        return Watermark(self.manifest.catalog_id, found[0][0], found[0][1].hex())

    def has_passed(self, watermark: Watermark) -> bool:
        """Whether that state is among those that this catalog remembers."""
        if watermark.catalog_id != self.manifest.catalog_id:
            return False
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT encode(revision, 'hex') FROM revisions WHERE generation = %s",
                watermark.generation,
            )
        return found == [(watermark.revision,)]

    def roots(self) -> list[str]:
        """The folders that were indexed, sorted."""
        with self.database.reading() as connection:
            found = fetched(connection, "SELECT path FROM roots ORDER BY path")
        return [os.fsdecode(path) for (path,) in found]

    def files(self, under: str | None = None) -> Iterator[KnownFile]:
        """Known files, by path.

        Args:
            under: only this file, or the files in this folder and below.
        """
        after, before = b"", b"\xff"
        if under is not None:
            after = os.fsencode(under).rstrip(b"/") + b"/"
            before = after[:-1] + b"0"
            with self.database.reading() as connection:
                found = rows.file_itself(connection, under)
            yield from found
        while True:
            with self.database.reading() as connection:
                block = rows.file_block(connection, after, before)
            if not block:
                return
            yield from block
            after = os.fsencode(block[-1].stamp.path)

    def known_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of the sizes in bytes that a known photo's file has."""
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT DISTINCT size FROM files WHERE photo_id IS NOT NULL"
                " AND size = ANY(%s::bigint[])",
                list(sizes),
            )
        return {row[0] for row in found}

    def seconds_per_photo(self) -> float | None:
        """CPU seconds to index a photo, the mean of the latest ones; None where there is none."""
        with self.database.reading() as connection:
            ((mean,),) = fetched(
                connection,
                "SELECT avg(seconds) FROM (SELECT seconds FROM photos ORDER BY id DESC LIMIT 200)"
                " AS latest WHERE seconds BETWEEN 0 AND 86400",
            )
        return None if mean is None else float(mean)

    def photo_by_hash(self, content_hash: bytes) -> int | None:
        """The id of the photo with this content."""
        return self._id("SELECT id FROM photos WHERE content_hash = %b", content_hash)

    def photos_by_hash(self, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Ids of the photos that have these contents."""
        with self.database.reading() as connection:
            return rows.ids_by_hash(connection, content_hashes)

    def photo_by_pixels(self, pixel_digest: bytes) -> int | None:
        """The id of the first photo with these pixels."""
        return self._id(
            "SELECT id FROM photos WHERE pixel_digest = %b ORDER BY id LIMIT 1", pixel_digest
        )

    def _id(self, statement: str, value: bytes) -> int | None:
        found = self.database.run(statement, value)
        return found[0][0] if found else None

    def content_hashes(self) -> Iterator[bytes]:
        """Content hashes of all photos, ascending; holds no transaction between blocks."""
        after = b""
        while True:
            with self.database.reading() as connection:
                found = fetched(
                    connection,
                    "SELECT content_hash FROM photos WHERE content_hash > %b"
                    " ORDER BY content_hash LIMIT 10000",
                    after,
                )
            if not found:
                return
            yield from (row[0] for row in found)
            after = found[-1][0]

    def photos(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids; ids that are not there are left out."""
        with self.database.reading() as connection:
            return rows.photo_rows(connection, ids)

    def segments(self, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """The segments of these ids; ids that are not there are left out."""
        with self.database.reading() as connection:
            return rows.segment_rows(connection, ids)

    def segments_of(self, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal."""
        with self.database.reading() as connection:
            return rows.segment_rows_of(connection, photo_id)

    def whole_photos(self, ids: Iterable[int]) -> Iterator[WholePhotos]:
        """Photos with all that belongs to them, some at a time."""
        with self.database.reading() as connection:
            yield from whole_photos(connection, ids, self.manifest.space.dimension)

    def kept_photos(self) -> Ids:
        """Ids of the photos that have segments which were proposed for words, ascending."""
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT DISTINCT s.photo_id FROM origins AS o"
                " JOIN segments AS s ON s.id = o.segment_id ORDER BY s.photo_id",
            )
        return np.array([row[0] for row in found], np.int64)

    def segment_ids(self, conditions: Filter | None = None) -> Ids:
        """Ids of the segments that meet all conditions, int64, ascending."""
        with self.database.reading() as connection:
            return selected_segments(connection, conditions_of(connection, conditions))

    def photo_columns(self) -> PhotoColumns:
        """Columns of all photos, by ascending id."""
        with self.database.reading() as connection:
            return photo_columns(connection)

    def segment_columns(self, after_id: int = 0) -> SegmentColumns:
        """Columns of all segments above `after_id`, by ascending id."""
        with self.database.reading() as connection:
            return segment_columns(connection, after_id)

    def photo_ids(self, after: int = 0) -> Ids:
        """Ids of the photos above one, int64, ascending."""
        with self.database.reading() as connection:
            found = fetched(connection, "SELECT id FROM photos WHERE id > %s ORDER BY id", after)
        return np.array([row[0] for row in found], np.int64)

    def paths_like(self, pattern: str, count: int = 3) -> list[str]:
        """Folders (with a "/" at the end) and files that a pattern which meets none may mean."""
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT path FROM files WHERE photo_id IS NOT NULL ORDER BY path"
                f" LIMIT {_MOST_PATHS}",
            )
        return nearest_paths(pattern, (os.fsdecode(row[0]) for row in found), count)

    def vectors_of(self, segment_ids: Sequence[int] | Ids) -> NDArray[np.float32]:
        """N×D float32 of these segments, in the order asked; QueryError where one is not there."""
        with self.database.reading() as connection:
            return stored_vectors.vectors_of(connection, segment_ids, self.manifest.space.dimension)

    def photo_vector(self, photo_id: int) -> NDArray[np.float32]:
        """D float32 of a whole photo; QueryError where it is not there."""
        with self.database.reading() as connection:
            return stored_vectors.photo_vector(connection, photo_id, self.manifest.space.dimension)

    def vector_blocks(self, after_id: int = 0) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
        """All segments' vectors in blocks: n ids ascending, n×D float32.

        Holds one block at a time and no transaction in between, so a writer is never held up.
        """
        while True:
            with self.database.reading() as connection:
                block = stored_vectors.vector_block(
                    connection, after_id, self.manifest.space.dimension
                )
            if block is None:
                return
            yield block
            after_id = int(block[0][-1])

    def counts(self) -> Counts:
        """Counts of photos, files and segments."""
        with self.database.reading() as connection:
            (row,) = fetched(
                connection,
                "SELECT count(*), coalesce(sum(segment_count), 0)::bigint,"
                " (SELECT count(*) FROM files),"
                " (SELECT count(*) FROM files WHERE photo_id IS NULL),"
                " (SELECT count(*) FROM origins) FROM photos",
            )
        return Counts(*row)

    def undated(self) -> int:
        """Number of photos that tell no date."""
        with self.database.reading() as connection:
            ((count,),) = fetched(connection, "SELECT count(*) - count(taken_at) FROM photos")
        return int(count)

    def skipped(self) -> list[SkippedFile]:
        """The files that were not indexed, by path."""
        with self.database.reading() as connection:
            found = fetched(
                connection,
                "SELECT path, kind, reason FROM files WHERE photo_id IS NULL ORDER BY path",
            )
        return [SkippedFile(os.fsdecode(path), kind, reason) for path, kind, reason in found]

    def sharers(self) -> list[Sharer]:
        """Processes that share the work of indexing just now, the eldest first."""
        return sharers_of(self.database)

    def server(self) -> dict[str, str]:
        """Facts about the server: its address, versions, size of the tables, checksums of pages."""
        with self.database.reading() as connection:
            return {"database": self.database.location.uri, **server_facts(connection)}
