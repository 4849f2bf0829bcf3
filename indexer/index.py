"""Index: one folder that remembers photos, their segments and their vectors."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.backends import keeper_of, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.filter import Filter
from indexer.vectors.keeper import KeepingReport, VectorKeeper
from indexer.vectors.store import Hits, VectorStore
from model.errors import PresetMismatch, shown
from model.presets.preset import Preset


class Index:
    """One index folder, open. Any number of readers, one writer at a time.

    Attributes:
        folder: path of the index folder.
        catalog: the truth.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder
        self.catalog = catalog

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

    @cached_property
    def keeper(self) -> VectorKeeper:
        """Keeper of the catalog's vectors."""
        return keeper_of(self.folder, self.catalog)

    @property
    def vectors(self) -> VectorStore:
        """The vectors of all segments, as new as the catalog."""
        return self.keeper.vectors()

    @property
    def cache(self) -> KeepingReport | None:
        """State of the vectors when last loaded, and whatever was done about it."""
        return self.keeper.report

    def sync(self, *, writable: bool) -> KeepingReport:
        """Bring the vectors up to the catalog, and what is kept of them where that is allowed."""
        return self.keeper.sync(writable=writable)

    def search(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """Best k segments by dot product with one question (D float32); as `search_many`."""
        return self.vectors.search(vector, k, where)

    def search_many(
        self, vectors: NDArray[np.float32], k: int, where: Filter | None = None
    ) -> list[Hits]:
        """Hits of each question (N×D float32), the k segments with the largest dot product, among
        those that `where` allows; exactly those, however few."""
        return self.vectors.search_many(vectors, k, where)
