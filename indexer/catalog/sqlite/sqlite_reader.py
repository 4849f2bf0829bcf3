"""The reading half of the catalog in SQLite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.filter import Filter
from indexer.catalog.kept_ninths import KeptNinths
from indexer.catalog.path_pattern import nearest_paths
from indexer.catalog.photo_ninths import ninths_named
from indexer.catalog.records import Manifest, Watermark
from indexer.catalog.sqlite import rows, stored_vectors
from indexer.catalog.sqlite.column_query import photo_columns, segment_columns
from indexer.catalog.sqlite.database import Database, fetched
from indexer.catalog.sqlite.failures import TO_MEND
from indexer.catalog.sqlite.filter_query import Ids, listed, selected_segments
from indexer.catalog.sqlite.migrations import version_of
from indexer.catalog.sqlite.row_faults import root_fault
from indexer.catalog.sqlite.tables import FileTable
from indexer.catalog.sqlite.whole_photos import whole_photos
from indexer.catalog.table_reader import Row, TableReader
from indexer.catalog.whole_photos import WholePhotos
from model.errors import IndexDamaged, shown

_SIZES = """
SELECT DISTINCT size FROM files
WHERE photo_id IS NOT NULL AND size IN (SELECT value FROM json_each(?))
"""
_OF_NO_SEGMENT = """
SELECT 1 FROM origins WHERE NOT EXISTS (SELECT 1 FROM segments WHERE id = segment_id) LIMIT 1
"""


class SqliteReader(TableReader[Connection]):
    """Reading face of a catalog in one SQLite file; raises what `Database` raises."""

    database: Database
    _rows = rows
    _vectors = stored_vectors

    def __init__(self, folder: Path, database: Database, manifest: Manifest) -> None:
        super().__init__(folder, database, manifest)
        self._judged = set[str]()  # tables whose rows were found sound
        self._ninths = KeptNinths()

    def _fetched(self, statement: str, *values: Any) -> list[Row]:
        with self.database.reading() as connection:
            return fetched(connection, statement, *values)

    @property
    def schema_version(self) -> int:
        """Version of the catalog file's schema."""
        with self.database.reading() as connection:
            return version_of(connection)

    @property
    def watermark(self) -> Watermark:
        """Name of the last commit that changed photos or segments."""
        found = self._fetched("SELECT max(generation), revision FROM revisions")
        generation, revision = found[0]
        if type(generation) is not int or type(revision) is not bytes:
            raise IndexDamaged(f"the state of {shown(self.database.path)} is lost", TO_MEND)
        return Watermark(self.manifest.catalog_id, generation, revision.hex())

    def roots(self) -> list[str]:
        """The folders that were indexed, sorted."""
        found = self._fetched("SELECT path FROM roots ORDER BY path")
        if any(root_fault(row) for row in found):
            raise IndexDamaged("a folder that was indexed is not what was written", TO_MEND)
        return [os.fsdecode(path) for (path,) in found]

    def known_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of the sizes in bytes that a known photo's file has."""
        return {row[0] for row in self._fetched(_SIZES, listed(sizes))}

    def whole_photos(self, ids: Iterable[int]) -> Iterator[WholePhotos]:
        """Photos with all that belongs to them, some at a time."""
        with self.database.reading() as connection:
            yield from whole_photos(connection, ids, self.manifest.space.dimension)

    def kept_photos(self) -> Ids:
        """Ids of the photos that have segments which were proposed for words, ascending.

        Raises:
            IndexDamaged: words are of no segment, and one that was kept seems the index's own.
        """
        with self.snapshot():
            if self._fetched(_OF_NO_SEGMENT):
                raise IndexDamaged("words that a segment was kept for are of no segment", TO_MEND)
            return super().kept_photos()

    def segment_ids(self, conditions: Filter | None = None) -> Ids:
        """Ids of the segments that meet all conditions, int64, ascending.

        What conditions leave out is never read, so the rows that they are answered from are judged
        first: once, since whatever is written later is sound.

        Raises:
            IndexDamaged: a row may be left out, or in, for what nobody wrote.
        """
        with self.database.reading() as connection:
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
        with self.database.reading() as connection:
            self._judge(connection, Filter(path_glob="*"))
            return photo_columns(connection)

    def segment_columns(self, after_id: int = 0) -> SegmentColumns:
        """Columns of all segments above `after_id`, by ascending id."""
        with self.database.reading() as connection:
            return segment_columns(connection, after_id)

    def paths_like(self, pattern: str, count: int = 3) -> list[str]:
        """Folders (with a "/" at the end) and files that a pattern which meets none may mean."""
        with self.database.reading() as connection:
            paths = connection.execute(
                select(FileTable.path).where(FileTable.photo_id.is_not(None))
            )
            return nearest_paths(pattern, paths.scalars(), count)


def _judges(conditions: Filter) -> Iterator[tuple[str, Callable[[Connection], None]]]:
    """The tables whose values decide which segments meet the conditions, and their judges."""
    if replace(conditions, photo_ids=None) != Filter():
        yield "photos", rows.require_sound_photos
    if conditions.path_glob is not None:
        yield "files", rows.require_sound_files
