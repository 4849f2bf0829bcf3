"""CacheKeeper: vectors that are held in memory and in a file beside the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from indexer.catalog.catalog_reader import CatalogReader
from indexer.lock import CacheLock
from indexer.vectors.cache import FILE, catch_up, synced_vectors, vector_problems
from indexer.vectors.cache_file import read_origin
from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.keeper import KeepingReport, VectorKeeper
from indexer.vectors.store import VectorStore
from model.errors import IndexDamaged, StorageError


class CacheKeeper(VectorKeeper):
    """Keeper of the file of vectors in an index folder.

    Args:
        folder: index folder.
        catalog: the truth.
    """

    def __init__(self, folder: Path, catalog: CatalogReader) -> None:
        self._folder = folder
        self._catalog = catalog
        self._vectors: FaissVectors | None = None

    def vectors(self) -> VectorStore:
        """The vectors of all segments, as new as the catalog."""
        if self._vectors is None or self._vectors.watermark != self._catalog.watermark:
            if self._is_current():
                self.sync(writable=False)
            elif self._vectors is None or not catch_up(self._vectors, self._catalog):
                with self._may_write() as writable:
                    self.sync(writable=writable)
        assert self._vectors is not None
        return self._vectors

    def sync(self, *, writable: bool) -> KeepingReport:
        """Bring the vectors up to the catalog, and write the file if that is allowed."""
        self._vectors, self.report = synced_vectors(self._folder, self._catalog, writable=writable)
        return self.report

    def sync_if_behind(self) -> str:
        """Bring the file up to the catalog, for who holds its lock; one line where it failed."""
        return "" if self._is_current() else self.sync(writable=True).note

    def problems(self) -> list[str]:
        """Faults of the file, a line each."""
        return vector_problems(self._folder, self._catalog)

    def rebuild(self) -> KeepingReport:
        """Make the file anew, for who holds its lock."""
        (self._folder / FILE).unlink(missing_ok=True)
        return self.sync(writable=True)

    def _is_current(self) -> bool:
        # whether it is whole is found out by who loads it
        try:
            return read_origin(self._folder / FILE).watermark == self._catalog.watermark
        except (OSError, IndexDamaged):
            return False

    @contextmanager
    def _may_write(self) -> Iterator[bool]:
        """Whether the file may be written just now; if so, by nobody else meanwhile."""
        with ExitStack() as stack:
            try:
                stack.enter_context(CacheLock(self._folder))
                writable = True
            except StorageError:  # somebody else writes, nobody may, or the disk is full
                writable = False
            yield writable
