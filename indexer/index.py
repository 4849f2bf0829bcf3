"""Index: one folder that remembers photos, their segments and their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.backends import open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.records import Filter
from indexer.lock import CacheLock
from indexer.vectors.cache import FILE, CacheReport, catch_up, synced_vectors
from indexer.vectors.cache_file import read_origin
from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.store import Hits, VectorStore
from model.errors import IndexDamaged, PresetMismatch, StorageError, shown
from model.presets.preset import Preset


class Index:
    """One index folder, open. Any number of readers, one writer at a time.

    Attributes:
        folder: path of the index folder.
        catalog: the truth.
        cache: state of the vectors' cache when last loaded, and whatever was done about it.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder
        self.catalog = catalog
        self.cache: CacheReport | None = None
        self._vectors: FaissVectors | None = None

    @classmethod
    def open(cls, folder: Path | str, *, readonly: bool = True) -> Index:
        """Open an index that is there.

        Raises:
            IndexMissing, IndexDamaged, IndexTooNew: the index is not there, or cannot be used.
        """
        folder = Path(folder)
        return cls(folder, open_catalog(folder, readonly=readonly))

    def close(self) -> None:
        """Let go of the files."""
        self.catalog.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def require_preset(self, preset: Preset) -> None:
        """Raise PresetMismatch unless this index was made with that preset and its weights."""
        made_with = self.catalog.manifest
        same = made_with.settings.get("fingerprint") == preset.fingerprint
        if same and made_with.space == preset.space:
            return
        if made_with.preset != preset.name:
            what = f"preset '{made_with.preset}', not '{preset.name}'"
            fix = f"use `preset={made_with.preset}`, or index into a new folder"
        else:
            what = f"other weights or settings of preset '{preset.name}'"
            fix = f"use `preset={preset.name}` as it was then, or index again into another folder"
        raise PresetMismatch(f"the index {shown(self.folder)} was made with {what}", fix)

    @property
    def vectors(self) -> VectorStore:
        """The vectors of all segments, as new as the catalog."""
        if self._vectors is None or self._vectors.watermark != self.catalog.watermark:
            if self._cache_is_current():
                self.sync(writable=False)
            elif self._vectors is None or not catch_up(self._vectors, self.catalog):
                with self._may_write() as writable:
                    self.sync(writable=writable)
        assert self._vectors is not None
        return self._vectors

    def sync(self, *, writable: bool) -> CacheReport:
        """Bring the vectors up to the catalog, and write the cache if that is allowed."""
        self._vectors, self.cache = synced_vectors(self.folder, self.catalog, writable=writable)
        return self.cache

    def sync_if_behind(self) -> str:
        """Bring the cache up to the catalog, for who holds the lock; one line where it failed."""
        return "" if self._cache_is_current() else self.sync(writable=True).note

    def _cache_is_current(self) -> bool:
        # whether it is whole is found out by who loads it
        try:
            return read_origin(self.folder / FILE).watermark == self.catalog.watermark
        except (OSError, IndexDamaged):
            return False

    def search(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """Best k segments by dot product with one question (D float32); as `search_many`."""
        return self.vectors.search(vector, k, where)

    def search_many(
        self, vectors: NDArray[np.float32], k: int, where: Filter | None = None
    ) -> list[Hits]:
        """Hits of each question (N×D float32), the k segments with the largest dot product, among
        those that `where` allows; exactly those, however few."""
        return self.vectors.search_many(vectors, k, where)

    @contextmanager
    def _may_write(self) -> Iterator[bool]:
        """Whether the cache may be written just now; if so, by nobody else meanwhile."""
        with ExitStack() as stack:
            try:
                stack.enter_context(CacheLock(self.folder))
                writable = True
            except StorageError:  # somebody else writes, nobody may, or the disk is full
                writable = False
            yield writable
