"""KeptNinths: in which ninth of its photo each segment of a catalog lies, kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.photo_ninths import ninths_of
from indexer.catalog.records import Watermark

Ids = NDArray[np.int64]
Ninths = NDArray[np.int8]


class KeptNinths:
    """Ninths of all segments, 9 bytes each. A million are read in some seconds, once; of a later
    state only what is new. Threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Watermark, Ids, Ninths] | None = None

    def among(self, ids: Ids, places: Collection[int], catalog: CatalogReader) -> Ids:
        """Those of the segments that lie in one of the ninths.

        Args:
            ids: n int64, ascending, segments of the catalog.
            places: ninths, as places in `NINTHS`.
            catalog: catalog that they are of, read within one snapshot.

        Raises:
            IndexDamaged: where a segment lies is lost.
        """
        known, ninths = self._of(catalog)
        inside = known[np.isin(ninths, sorted(places))]
        return np.intersect1d(ids, inside, assume_unique=True)

    def _of(self, catalog: CatalogReader) -> tuple[Ids, Ninths]:
        with self._lock:
            now, kept = catalog.watermark, self._kept
            if kept is None or not catalog.has_passed(kept[0]):
                found = _added(np.zeros(0, np.int64), np.zeros(0, np.int8), catalog)
            elif kept[0] != now:  # an id that is there still means what it meant
                there = np.isin(kept[1], catalog.segment_ids(), assume_unique=True)
                found = _added(kept[1][there], kept[2][there], catalog)
            else:
                return kept[1:]
            self._kept = now, *found
            return found


def _added(ids: Ids, ninths: Ninths, catalog: CatalogReader) -> tuple[Ids, Ninths]:
    """Segments, and all of the catalog whose ids are higher."""
    later = catalog.segment_columns(int(ids[-1]) if len(ids) else 0)
    return np.concatenate([ids, later.ids]), np.concatenate([ninths, ninths_of(later.centres)])
