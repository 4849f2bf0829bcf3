"""SharedCatalog: the index's catalog as all requests read it, beside the engine."""

from __future__ import annotations

import threading
from pathlib import Path

from indexer.backends import catalog_file, open_catalog
from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import PhotoRow, SegmentRow
from model.errors import IndexMissing, NotFound, shown
from searchengine.queries.example import MOST_ID


class SharedCatalog:
    """Catalog of an index folder, open for reading; opened anew where another takes its place.

    Threads may share one. A reader that was handed out stays usable.

    Args:
        folder: index folder; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: tuple[tuple[int, int], CatalogReader] | None = None

    @property
    def reader(self) -> CatalogReader:
        """The catalog as it is now.

        Raises:
            IndexMissing: nothing has been indexed yet.
        """
        try:
            status = catalog_file(self._folder).stat()
        except OSError:
            raise IndexMissing(
                f"there is no index in {shown(self._folder)}", "index a folder first"
            ) from None
        file = status.st_dev, status.st_ino
        with self._lock:
            if self._opened is None or self._opened[0] != file:
                self._opened = file, open_catalog(self._folder, readonly=True)
            return self._opened[1]

    def photo(self, photo_id: int) -> PhotoRow:
        """The photo of that id.

        Raises:
            NotFound: there is none.
        """
        found = self.reader.photos([photo_id]) if abs(photo_id) <= MOST_ID else {}
        if photo_id not in found:
            raise NotFound(f"there is no photo {photo_id}", "take a photo_id from a search")
        return found[photo_id]

    def photo_of(self, content_hash: bytes) -> PhotoRow:
        """The photo that a file shows, by the 32-byte BLAKE3 digest of that file.

        Raises:
            NotFound: there is none.
        """
        photo_id = self.reader.photo_by_hash(content_hash)
        if photo_id is None:
            raise NotFound("the index does not hold this photo", "index it, or upload it")
        return self.photo(photo_id)

    def segment(self, segment_id: int) -> SegmentRow:
        """The segment of that id.

        Raises:
            NotFound: there is none.
        """
        found = self.reader.segments([segment_id]) if abs(segment_id) <= MOST_ID else {}
        if segment_id not in found:
            raise NotFound(f"there is no segment {segment_id}", "take a segment_id from a search")
        return found[segment_id]
