"""TableReader: what catalogs in tables read alike, whatever database holds these."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from indexer.catalog.catalog_reader import CatalogReader, Floats, Ids
from indexer.catalog.records import (
    Counts,
    KnownFile,
    Manifest,
    PhotoRow,
    SegmentRow,
    SkippedFile,
    Watermark,
)

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
Row = tuple[Any, ...]

_HASHES = "SELECT content_hash FROM photos WHERE content_hash > ? ORDER BY content_hash LIMIT 10000"
_SECONDS = """
SELECT avg(seconds) FROM (SELECT seconds FROM photos ORDER BY id DESC LIMIT 200) AS latest
WHERE seconds BETWEEN 0 AND 86400
"""
_KEPT = """
SELECT DISTINCT s.photo_id FROM origins AS o JOIN segments AS s ON s.id = o.segment_id
ORDER BY s.photo_id
"""
_COUNTS = """
SELECT count(*), cast(coalesce(sum(segment_count), 0) AS bigint), (SELECT count(*) FROM files),
    (SELECT count(*) FROM files WHERE photo_id IS NULL), (SELECT count(*) FROM origins)
FROM photos
"""
_FILES_A_BLOCK = 5000


class Readable(Protocol[C_co]):
    """A database, as reading asks it."""

    def close(self) -> None:
        """Let go of files and connections."""

    def reading(self) -> AbstractContextManager[C_co]:
        """A connection on which all statements see one and the same commit, the last.

        Within another `reading` of the same thread it is that one, as of when that began.
        """


class Rows(Protocol[C_contra]):
    """Rows of one kind of database as records, once they are judged; its module `rows`.

    Attributes:
        FILES: SELECT of the files' rows, as `known_file` takes them.
    """

    FILES: str

    def known_file(self, row: Sequence[Any]) -> KnownFile:
        """A row of `files`."""

    def photo_rows(self, connection: C_contra, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids that there are."""

    def ids_by_hash(
        self, connection: C_contra, content_hashes: Iterable[bytes]
    ) -> dict[bytes, int]:
        """Ids of the photos that have these contents."""

    def segment_rows(self, connection: C_contra, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """The segments of these ids that there are."""

    def segment_rows_of(self, connection: C_contra, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal."""


class StoredVectors(Protocol[C_contra]):
    """Vectors of one kind of database, once they are judged; its module `stored_vectors`."""

    def vectors_of(self, connection: C_contra, ids: Sequence[int] | Ids, dimension: int) -> Floats:
        """N×D float32, in the order asked; QueryError where one is not there."""

    def photo_vector(self, connection: C_contra, photo_id: int, dimension: int) -> Floats:
        """D float32, of the whole photo; QueryError where it is not there."""

    def vector_block(
        self, connection: C_contra, after_id: int, dimension: int
    ) -> tuple[Ids, Floats] | None:
        """The segments that follow `after_id`: n ids ascending, n×D float32; None at the end."""


class TableReader(CatalogReader, Generic[C]):
    """Reading face of a catalog in tables; raises what its database raises.

    Each kind of database says how it runs a statement and what judges its rows, and reads by
    itself what databases do not read alike.

    Attributes:
        database: connections, which a store of vectors in the same database shares.
    """

    database: Readable[C]
    _rows: Rows[C]
    _vectors: StoredVectors[C]

    def __init__(self, folder: Path, database: Readable[C], manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.database = database

    @abstractmethod
    def _fetched(self, statement: str, *values: Any) -> list[Row]:
        """Rows of one statement, of the last commit or of the snapshot that this is within.

        Args:
            statement: SQL, its parameters written as "?".
            values: values of the parameters.
        """

    def close(self) -> None:
        """Let go of files and connections."""
        self.database.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it, all that this thread reads is of one commit, and read on one connection."""
        with self.database.reading():
            yield

    def has_passed(self, watermark: Watermark) -> bool:
        """Whether that state is among those that this catalog remembers."""
        if watermark.catalog_id != self.manifest.catalog_id:
            return False
        found = self._fetched(
            "SELECT revision FROM revisions WHERE generation = ?", watermark.generation
        )
        return any(type(row[0]) is bytes and row[0].hex() == watermark.revision for row in found)

    def roots(self) -> list[str]:
        """The folders that were indexed, sorted."""
        found = self._fetched("SELECT path FROM roots ORDER BY path")
        return [os.fsdecode(path) for (path,) in found]

    def files(self, under: str | None = None) -> Iterator[KnownFile]:
        """Known files, by path; holds no transaction between blocks.

        Args:
            under: only this file, or the files in this folder and below.
        """
        after, before = b"", b"\xff"
        if under is not None:
            after = os.fsencode(under).rstrip(b"/") + b"/"
            before = after[:-1] + b"0"
            yield from self._files("WHERE path = ?", os.fsencode(under))
        within = "WHERE path > ? AND path < ? ORDER BY path LIMIT ?"
        while block := self._files(within, after, before, _FILES_A_BLOCK):
            yield from block
            after = os.fsencode(block[-1].stamp.path)

    def _files(self, where: str, *values: Any) -> list[KnownFile]:
        found = self._fetched(f"{self._rows.FILES} {where}", *values)
        return [self._rows.known_file(row) for row in found]

    def seconds_per_photo(self) -> float | None:
        """CPU seconds to index a photo, the mean of the latest ones; None where there is none."""
        ((mean,),) = self._fetched(_SECONDS)
        return None if mean is None else float(mean)

    def photo_by_hash(self, content_hash: bytes) -> int | None:
        """The id of the photo with this content."""
        return self._id("SELECT id FROM photos WHERE content_hash = ?", content_hash)

    def photos_by_hash(self, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Ids of the photos that have these contents."""
        with self.database.reading() as connection:
            return self._rows.ids_by_hash(connection, content_hashes)

    def photo_by_pixels(self, pixel_digest: bytes) -> int | None:
        """The id of the first photo with these pixels."""
        return self._id(
            "SELECT id FROM photos WHERE pixel_digest = ? ORDER BY id LIMIT 1", pixel_digest
        )

    def _id(self, statement: str, value: bytes) -> int | None:
        found = self._fetched(statement, value)
        return found[0][0] if found else None

    def content_hashes(self) -> Iterator[bytes]:
        """Content hashes of all photos, ascending; holds no transaction between blocks."""
        after = b""
        while found := self._fetched(_HASHES, after):
            yield from (row[0] for row in found)
            after = found[-1][0]

    def photos(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids; ids that are not there are left out."""
        with self.database.reading() as connection:
            return self._rows.photo_rows(connection, ids)

    def segments(self, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """The segments of these ids; ids that are not there are left out."""
        with self.database.reading() as connection:
            return self._rows.segment_rows(connection, ids)

    def segments_of(self, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal."""
        with self.database.reading() as connection:
            return self._rows.segment_rows_of(connection, photo_id)

    def kept_photos(self) -> Ids:
        """Ids of the photos that have segments which were proposed for words, ascending."""
        return np.array([row[0] for row in self._fetched(_KEPT)], np.int64)

    def photo_ids(self, after: int = 0) -> Ids:
        """Ids of the photos above one, int64, ascending."""
        found = self._fetched("SELECT id FROM photos WHERE id > ? ORDER BY id", after)
        return np.array([row[0] for row in found], np.int64)

    def vectors_of(self, segment_ids: Sequence[int] | Ids) -> Floats:
        """N×D float32 of these segments, in the order asked; QueryError where one is not there."""
        with self.database.reading() as connection:
            return self._vectors.vectors_of(connection, segment_ids, self.manifest.space.dimension)

    def photo_vector(self, photo_id: int) -> Floats:
        """D float32 of a whole photo; QueryError where it is not there."""
        with self.database.reading() as connection:
            return self._vectors.photo_vector(connection, photo_id, self.manifest.space.dimension)

    def vector_blocks(self, after_id: int = 0) -> Iterator[tuple[Ids, Floats]]:
        """All segments' vectors in blocks: n ids ascending, n×D float32.

        Holds one block at a time and no transaction in between, so a writer is never held up.
        """
        dimension = self.manifest.space.dimension
        while True:
            with self.database.reading() as connection:
                block = self._vectors.vector_block(connection, after_id, dimension)
            if block is None:
                return
            yield block
            after_id = int(block[0][-1])

    def counts(self) -> Counts:
        """Counts of photos, files and segments."""
        return Counts(*self._fetched(_COUNTS)[0])

    def undated(self) -> int:
        """Number of photos that tell no date."""
        ((count,),) = self._fetched("SELECT count(*) - count(taken_at) FROM photos")
        return int(count)

    def skipped(self) -> list[SkippedFile]:
        """The files that were not indexed, by path."""
        found = self._fetched(
            "SELECT path, kind, reason FROM files WHERE photo_id IS NULL ORDER BY path"
        )
        return [SkippedFile(os.fsdecode(path), kind, reason) for path, kind, reason in found]
