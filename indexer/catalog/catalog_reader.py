"""CatalogReader: the reading face of a catalog, whatever database is behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.filter import Filter
from indexer.catalog.job_list import Sharer
from indexer.catalog.records import (
    Counts,
    KnownFile,
    Manifest,
    PhotoRow,
    SegmentRow,
    SkippedFile,
    Watermark,
)
from indexer.catalog.whole_photos import WholePhotos

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


class CatalogReader(ABC):
    """Reading face of a catalog: every call sees the last commit of any process.

    Threads may share one. What a record would hold is checked before the record is made.

    Attributes:
        folder: index folder.
        manifest: preset and settings that the index was made with.

    Raises (every method):
        StorageError: the catalog cannot be read; IndexDamaged where a row is not what was written,
            with the photo's id in its line.
    """

    folder: Path
    manifest: Manifest

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Context in which all that this thread reads is of one commit."""

    @property
    @abstractmethod
    def schema_version(self) -> int:
        """Version of the stored layout; vectors of two versions may be rounded otherwise."""

    @property
    @abstractmethod
    def watermark(self) -> Watermark:
        """Name of the present state of photos and segments; no other state ever has it."""

    @property
    def generation(self) -> int:
        """Number of transactions so far that changed photos or segments."""
        return self.watermark.generation

    @abstractmethod
    def has_passed(self, watermark: Watermark) -> bool:
        """Whether this catalog is, or once was, in that state: then a segment id that was there
        and is there still has the vector that it had."""

    @abstractmethod
    def roots(self) -> list[str]:
        """Folders that were indexed, absolute, sorted."""

    @abstractmethod
    def files(self, under: str | None = None) -> Iterator[KnownFile]:
        """Known files, by path.

        Args:
            under: only this file, or the files in this folder and below.
        """

    @abstractmethod
    def known_sizes(self, sizes: Iterable[int]) -> set[int]:
        """Those of the sizes in bytes that a known photo's file has."""

    @abstractmethod
    def seconds_per_photo(self) -> float | None:
        """Mean seconds that indexing the latest photos took; None where there is no photo."""

    def photo_by_hash(self, content_hash: bytes) -> int | None:
        """Id of the photo whose file has this BLAKE3 hash (32 bytes)."""
        return self.photos_by_hash([content_hash]).get(content_hash)

    @abstractmethod
    def photos_by_hash(self, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Ids of the photos whose files have these BLAKE3 hashes; others are left out."""

    @abstractmethod
    def photo_by_pixels(self, pixel_digest: bytes) -> int | None:
        """Id of the first photo whose pixels have this digest."""

    @abstractmethod
    def content_hashes(self) -> Iterator[bytes]:
        """Content hashes of all photos, ascending."""

    @abstractmethod
    def photos(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """Photos of these ids; ids that are not there are left out."""

    @abstractmethod
    def segments(self, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """Segments of these ids; ids that are not there are left out."""

    @abstractmethod
    def segments_of(self, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal; none where there is no such photo."""

    @abstractmethod
    def whole_photos(self, ids: Iterable[int]) -> Iterator[WholePhotos]:
        """Photos with all that belongs to them, by id and some at a time, as `add_whole_photos`
        takes them; ids that are not there are left out."""

    @abstractmethod
    def kept_photos(self) -> Ids:
        """Ids of the photos that have segments which were proposed for words, int64, ascending."""

    @abstractmethod
    def segment_ids(self, conditions: Filter | None = None) -> Ids:
        """Ids of the segments that meet all conditions, int64, ascending."""

    @abstractmethod
    def photo_columns(self) -> PhotoColumns:
        """What is known of all photos, in columns."""

    @abstractmethod
    def segment_columns(self, after_id: int = 0) -> SegmentColumns:
        """Where and how large all segments above `after_id` are, in columns."""

    @abstractmethod
    def photo_ids(self, after: int = 0) -> Ids:
        """Ids of the photos above one, int64, ascending: what came later has a higher id."""

    @abstractmethod
    def paths_like(self, pattern: str, count: int = 3) -> list[str]:
        """Folders (with a "/" at the end) and files that a pattern which meets none may mean."""

    @abstractmethod
    def vectors_of(self, segment_ids: Sequence[int] | Ids) -> Floats:
        """N×D float32 unit vectors of these segments, in the order asked.

        Raises:
            QueryError: one is not there.
        """

    @abstractmethod
    def photo_vector(self, photo_id: int) -> Floats:
        """D float32 unit vector of a whole photo.

        Raises:
            QueryError: there is no such photo.
        """

    @abstractmethod
    def vector_blocks(self, after_id: int = 0) -> Iterator[tuple[Ids, Floats]]:
        """Vectors of all segments above `after_id` in blocks: n ids ascending, n×D float32."""

    @abstractmethod
    def counts(self) -> Counts:
        """Numbers of photos, segments, files and skipped files."""

    @abstractmethod
    def undated(self) -> int:
        """Number of photos that tell no date, and so meet no condition on dates."""

    @abstractmethod
    def skipped(self) -> list[SkippedFile]:
        """Files that were not indexed, by path."""

    def sharers(self) -> list[Sharer]:
        """Processes that share the work of indexing just now; none where one writes at a time."""
        return []

    def server(self) -> dict[str, str]:
        """Facts about the server that holds the catalog, by name; none where it is a file."""
        return {}

    @abstractmethod
    def check(self, *, full: bool = False) -> list[str]:
        """Problems found, a line each; none where all is well.

        Args:
            full: read the segments of all photos, not of a sample.
        """
