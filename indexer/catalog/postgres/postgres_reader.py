"""The reading half of the catalog in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.filter import Filter
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
from indexer.catalog.postgres.database import Connection, Database
from indexer.catalog.postgres.postgres_jobs import sharers_of
from indexer.catalog.postgres.schema import server_facts
from indexer.catalog.postgres.whole_photos import whole_photos
from indexer.catalog.records import Manifest, Watermark
from indexer.catalog.table_reader import Row, TableReader
from indexer.catalog.whole_photos import WholePhotos

_MOST_PATHS = 200_000
"""Paths that are compared with one that meets none: a hint need not cost minutes."""
_STATE = """
SELECT generation, revision, (SELECT value FROM manifest WHERE key = 'catalog_id') FROM head
"""
_SIZES = """
SELECT DISTINCT size FROM files WHERE photo_id IS NOT NULL AND size = ANY(?::bigint[])
"""
_PATHS = "SELECT path FROM files WHERE photo_id IS NOT NULL ORDER BY path LIMIT ?"


class PostgresReader(TableReader[Connection]):
    """Reading face of a catalog in one schema of a database; raises what `Database` raises."""

    database: Database
    _rows = rows
    _vectors = stored_vectors

    def __init__(self, folder: Path, database: Database, manifest: Manifest, version: int) -> None:
        super().__init__(folder, database, manifest)
        self._version = version

    def _fetched(self, statement: str, *values: Any) -> list[Row]:
        return self.database.run(_in_postgres(statement), *values)

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
        found = self._fetched(_STATE)
        if not found or found[0][2] != self.manifest.catalog_id:
            raise failures.replaced(self.database.location)
        return Watermark(self.manifest.catalog_id, found[0][0], found[0][1].hex())

    def known_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of the sizes in bytes that a known photo's file has."""
        return {row[0] for row in self._fetched(_SIZES, list(sizes))}

    def whole_photos(self, ids: Iterable[int]) -> Iterator[WholePhotos]:
        """Photos with all that belongs to them, some at a time."""
        with self.database.reading() as connection:
            yield from whole_photos(connection, ids, self.manifest.space.dimension)

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

    def paths_like(self, pattern: str, count: int = 3) -> list[str]:
        """Folders (with a "/" at the end) and files that a pattern which meets none may mean."""
        found = self._fetched(_PATHS, _MOST_PATHS)
        return nearest_paths(pattern, (os.fsdecode(row[0]) for row in found), count)

    def sharers(self) -> list[Sharer]:
        """Processes that share the work of indexing just now, the eldest first."""
        return sharers_of(self.database)

    def server(self) -> dict[str, str]:
        """Facts about the server: its address, versions, size of the tables, checksums of pages."""
        with self.database.reading() as connection:
            return {"database": self.database.location.uri, **server_facts(connection)}


@cache
def _in_postgres(statement: str) -> str:
    """A statement with its parameters as the driver has them."""
    return statement.replace("?", "%s")
