"""IndexColumns: photos and segments of an index as arrays, mended as the index grows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.records import Watermark
from indexer.vectors.exact_search import contains
from searchengine.overview.bursts import bursts

SPARSE = 4
"""Highest id to number of ids above which places are searched rather than looked up."""
Ids = NDArray[np.int64]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IndexColumns:
    """One state of an index in columns.

    Attributes:
        watermark: name of that state.
        photos: P photos.
        segments: N segments.
    """

    watermark: Watermark
    photos: PhotoColumns
    segments: SegmentColumns

    @cached_property
    def photo_places(self) -> NDArray[np.int32]:
        """N int32: the place among the photos of each segment's photo."""
        places = np.searchsorted(self.photos.ids, self.segments.photo_ids)
        return places.astype(np.int32)

    def places(self, ids: Ids) -> Places:
        """Places of segments by their ids, in the order given; those that are gone are left
        out."""
        known = self.segments.ids
        if not len(known):
            return np.zeros(0, np.int64)
        if self._table is not None:
            inside = ids[(ids >= 0) & (ids < len(self._table))]
            found = self._table[inside]
            return np.asarray(found[found >= 0], np.int64)
        here = ids[contains(known, ids)]
        return np.searchsorted(known, here)

    @cached_property
    def _table(self) -> NDArray[np.int32] | None:
        known = self.segments.ids
        last = int(known[-1])
        if last > SPARSE * len(known) + 1024:
            return None
        table = np.full(last + 1, -1, np.int32)
        table[known] = np.arange(len(known), dtype=np.int32)
        return table


class KeptColumns:
    """The columns of the latest state of an index; threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: IndexColumns | None = None
        self._bursts: tuple[Watermark, NDArray[np.int64]] | None = None

    def bursts(self, catalog: CatalogReader) -> NDArray[np.int64]:
        """P int64: number of each photo's burst, as `bursts` finds them."""
        with self._lock:
            columns = self.of(catalog)
            if self._bursts is None or self._bursts[0] != columns.watermark:
                vector_of = cache(catalog.photo_vector)
                found = bursts(columns.photos, lambda a, b: float(vector_of(a) @ vector_of(b)))
                self._bursts = columns.watermark, found
            return self._bursts[1]

    def of(self, catalog: CatalogReader) -> IndexColumns:
        """The columns of a catalog as it is now; of what is known already only the rest is read.

        Raises:
            IndexDamaged: rows are not what was written.
        """
        with self._lock, catalog.snapshot():
            watermark = catalog.watermark
            kept = self._kept
            if kept is not None and kept.watermark == watermark:
                return kept
            if kept is not None and catalog.has_passed(kept.watermark):
                segments = _mended(kept.segments, catalog)
            else:
                segments = catalog.segment_columns()
            self._kept = IndexColumns(watermark, catalog.photo_columns(), segments)
            return self._kept


def _mended(segments: SegmentColumns, catalog: CatalogReader) -> SegmentColumns:
    """The segments without those that are gone, and with those that are new: an id that is there
    still means what it meant."""
    last = int(segments.ids[-1]) if len(segments) else 0
    left = segments.chosen(contains(catalog.segment_ids(), segments.ids))
    return left.joined(catalog.segment_columns(last))
