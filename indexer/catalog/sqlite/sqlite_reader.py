"""The reading half of the catalog in SQLite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from indexer.catalog.catalog import CatalogReader
from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.kept_ninths import KeptNinths
from indexer.catalog.path_pattern import nearest_paths
from indexer.catalog.photo_ninths import ninths_named
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
from indexer.catalog.sqlite import rows, stored_vectors
from indexer.catalog.sqlite.column_query import photo_columns, segment_columns
from indexer.catalog.sqlite.database import Database, fetched
from indexer.catalog.sqlite.failures import TO_MEND
from indexer.catalog.sqlite.filter_query import Ids, listed, selected_segments
from indexer.catalog.sqlite.migrations import version_of
from indexer.catalog.sqlite.row_faults import root_fault
from indexer.catalog.sqlite.tables import FileTable, PhotoTable
from indexer.catalog.sqlite.whole_photos import whole_photos
from indexer.catalog.whole_photos import WholePhotos
from model.errors import IndexDamaged, shown


class SqliteReader(CatalogReader):
    """Reading face of a catalog in one SQLite file; raises what `Database` raises."""

    def __init__(self, folder: Path, database: Database, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._database = database
        self._judged = set[str]()  # tables whose rows were found sound
        self._ninths = KeptNinths()

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it, all that this thread reads is of one commit, and read on one connection."""
        with self._database.reading():
            yield

    @property
    def schema_version(self) -> int:
        """Version of the catalog file's schema."""
        with self._database.reading() as connection:
            return version_of(connection)

    @property
    def watermark(self) -> Watermark:
        """Name of the last commit that changed photos or segments."""
        with self._database.reading() as connection:
            found = fetched(connection, "SELECT max(generation), revision FROM revisions")
        generation, revision = found[0]
        if type(generation) is not int or type(revision) is not bytes:
            raise IndexDamaged(f"the state of {shown(self._database.path)} is lost", TO_MEND)
        return Watermark(self.manifest.catalog_id, generation, revision.hex())

    def has_passed(self, watermark: Watermark) -> bool:
        """Whether that state is among those that this catalog remembers."""
        if watermark.catalog_id != self.manifest.catalog_id:
            return False
        with self._database.reading() as connection:
            found = fetched(
                connection,
                "SELECT lower(hex(revision)) FROM revisions WHERE generation = ?",
                watermark.generation,
            )
        return found == [(watermark.revision,)]

    def roots(self) -> list[str]:
        """The folders that were indexed, sorted."""
        with self._database.reading() as connection:
            found = fetched(connection, "SELECT path FROM roots ORDER BY path")
        if any(root_fault(row) for row in found):
            raise IndexDamaged("a folder that was indexed is not what was written", TO_MEND)
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
            with self._database.reading() as connection:
                yield from rows.file_itself(connection, under)
        while True:
            with self._database.reading() as connection:
                block = rows.file_block(connection, after, before)
            if not block:
                return
            yield from block
            after = os.fsencode(block[-1].stamp.path)

    def known_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of the sizes in bytes that a known photo's file has."""
        with self._database.reading() as connection:
            found = connection.exec_driver_sql(
                "SELECT DISTINCT size FROM files WHERE photo_id IS NOT NULL"
                " AND size IN (SELECT value FROM json_each(?))",
                (listed(sizes),),
            )
            return set(found.scalars())

    def seconds_per_photo(self) -> float | None:
        """CPU seconds to index a photo, the mean of the latest ones; None where there is none."""
        with self._database.reading() as connection:
            mean: float | None = connection.exec_driver_sql(
                "SELECT avg(seconds) FROM (SELECT seconds FROM photos ORDER BY id DESC LIMIT 200)"
                " WHERE seconds BETWEEN 0 AND 86400"
            ).scalar_one()
        return mean

    def photos_by_hash(self, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Ids of the photos that have these contents."""
        with self._database.reading() as connection:
            return rows.ids_by_hash(connection, content_hashes)

    def photo_by_pixels(self, pixel_digest: bytes) -> int | None:
        """The id of the first photo with these pixels."""
        with self._database.reading() as connection:
            return connection.execute(
                select(PhotoTable.id)
                .where(PhotoTable.pixel_digest == pixel_digest)
                .order_by(PhotoTable.id)
                .limit(1)
            ).scalar_one_or_none()

    def content_hashes(self) -> Iterator[bytes]:
        """Content hashes of all photos, ascending; holds no transaction between blocks."""
        after = b""
        while True:
            with self._database.reading() as connection:
                query = select(PhotoTable.content_hash).where(PhotoTable.content_hash > after)
                block = connection.execute(query.order_by(PhotoTable.content_hash).limit(10_000))
                found = list(block.scalars())
            if not found:
                return
            yield from found
            after = found[-1]

    def photos(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids; ids that are not there are left out."""
        with self._database.reading() as connection:
            return rows.photo_rows(connection, ids)

    def segments(self, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """The segments of these ids; ids that are not there are left out."""
        with self._database.reading() as connection:
            return rows.segment_rows(connection, ids)

    def segments_of(self, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal."""
        with self._database.reading() as connection:
            return rows.segment_rows_of(connection, photo_id)

    def whole_photos(self, ids: Iterable[int]) -> Iterator[WholePhotos]:
        """Photos with all that belongs to them, some at a time."""
        with self._database.reading() as connection:
            yield from whole_photos(connection, ids, self.manifest.space.dimension)

    def kept_photos(self) -> Ids:
        """Ids of the photos that have segments which were proposed for words, ascending.

        Raises:
            IndexDamaged: words are of no segment, and one that was kept seems the index's own.
        """
        with self._database.reading() as connection:
            found = fetched(
                connection,
                "SELECT DISTINCT s.photo_id FROM origins AS o"
                " LEFT JOIN segments AS s ON s.id = o.segment_id ORDER BY s.photo_id",
            )
        if found and found[0][0] is None:
            raise IndexDamaged("words that a segment was kept for are of no segment", TO_MEND)
        return np.array([row[0] for row in found], np.int64)

    def segment_ids(self, conditions: Filter | None = None) -> Ids:
        """Ids of the segments that meet all conditions, int64, ascending.

        What conditions leave out is never read, so the rows that they are answered from are judged
        first: once, since whatever is written later is sound.

        Raises:
            IndexDamaged: a row may be left out, or in, for what nobody wrote.
        """
        with self._database.reading() as connection:
            self._judge(connection, conditions or Filter())
            found = selected_segments(connection, conditions)
            if conditions is not None and conditions.places:
                return self._ninths.among(found, ninths_named(conditions.places), self)
            return found

    def _judge(self, connection: Connection, conditions: Filter) -> None:
        for table, require_sound in _judges(conditions):
            if table not in self._judged:
                require_sound(connection)
                self._judged.add(table)

    def photo_columns(self) -> PhotoColumns:
        """Columns of all photos; IndexDamaged where one or its files are not what was written."""
        with self._database.reading() as connection:
            self._judge(connection, Filter(path_glob="*"))
            return photo_columns(connection)

    def segment_columns(self, after_id: int = 0) -> SegmentColumns:
        """Columns of all segments above `after_id`, by ascending id."""
        with self._database.reading() as connection:
            return segment_columns(connection, after_id)

    def photo_ids(self, after: int = 0) -> Ids:
        """Ids of the photos above one, int64, ascending."""
        with self._database.reading() as connection:
            found = fetched(connection, "SELECT id FROM photos WHERE id > ? ORDER BY id", after)
        return np.array([row[0] for row in found], np.int64)

    def paths_like(self, pattern: str, count: int = 3) -> list[str]:
        """Folders (with a "/" at the end) and files that a pattern which meets none may mean."""
        with self._database.reading() as connection:
            paths = connection.execute(
                select(FileTable.path).where(FileTable.photo_id.is_not(None))
            )
            return nearest_paths(pattern, paths.scalars(), count)

    def vectors_of(self, segment_ids: Sequence[int] | Ids) -> NDArray[np.float32]:
        """N×D float32 of these segments, in the order asked; QueryError where one is not there."""
        with self._database.reading() as connection:
            return stored_vectors.vectors_of(connection, segment_ids, self.manifest.space.dimension)

    def photo_vector(self, photo_id: int) -> NDArray[np.float32]:
        """D float32 of a whole photo; QueryError where it is not there."""
        with self._database.reading() as connection:
            return stored_vectors.photo_vector(connection, photo_id, self.manifest.space.dimension)

    def vector_blocks(self, after_id: int = 0) -> Iterator[tuple[Ids, stored_vectors.Floats]]:
        """All segments' vectors in blocks: n ids ascending, n×D float32.

        Holds one block at a time and no transaction in between, so a writer is never held up.
        """
        while True:
            with self._database.reading() as connection:
                block = stored_vectors.vector_block(
                    connection, after_id, self.manifest.space.dimension
                )
            if block is None:
                return
            yield block
            after_id = int(block[0][-1])

    def counts(self) -> Counts:
        """Counts of photos, files and segments."""
        with self._database.reading() as connection:
            row = connection.exec_driver_sql(
                "SELECT count(*), coalesce(sum(segment_count), 0),"
                " (SELECT count(*) FROM files),"
                " (SELECT count(*) FROM files WHERE photo_id IS NULL),"
                " (SELECT count(*) FROM origins) FROM photos"
            ).one()
        return Counts(*row)

    def undated(self) -> int:
        """Number of photos that tell no date."""
        with self._database.reading() as connection:
            return int(
                connection.exec_driver_sql(
                    "SELECT count(*) - count(taken_at) FROM photos"
                ).scalar_one()
            )

    def skipped(self) -> list[SkippedFile]:
        """The files that were not indexed, by path."""
        with self._database.reading() as connection:
            found = connection.exec_driver_sql(
                "SELECT path, kind, reason FROM files WHERE photo_id IS NULL ORDER BY path"
            )
            return [SkippedFile(os.fsdecode(path), kind, reason) for path, kind, reason in found]


def _judges(conditions: Filter) -> Iterator[tuple[str, Callable[[Connection], None]]]:
    """The tables whose values decide which segments meet the conditions, and their judges."""
    if replace(conditions, photo_ids=None) != Filter():
        yield "photos", rows.require_sound_photos
    if conditions.path_glob is not None:
        yield "files", rows.require_sound_files
