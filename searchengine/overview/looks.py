"""KeptLooks: the colour and the material of every segment, as the vectors tell them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import Watermark
from model.errors import SegsearchError
from searchengine.overview.columns import IndexColumns


class Look(NamedTuple):
    """One kind of look of N segments: its names, and N int8, places among them; -1 where none of
    them is seen."""

    names: tuple[str, ...]
    codes: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class SegmentLooks:
    """Looks of the segments of one state of an index.

    Attributes:
        watermark: name of that state.
        ids: N int64, ascending.
        looks: looks of these N segments, by their kinds.
    """

    watermark: Watermark
    ids: NDArray[np.int64]
    looks: Mapping[str, Look]

    def chosen(self, places: NDArray[np.bool_], watermark: Watermark) -> SegmentLooks:
        """Those at the places that are true, as looks of another state."""
        looks = {kind: Look(names, codes[places]) for kind, (names, codes) in self.looks.items()}
        return SegmentLooks(watermark, self.ids[places], looks)


class KeptLooks:
    """Looks of the latest state of an index, a byte a segment and kind. All vectors pass by once,
    10 CPU seconds for a million, in a thread of their own; of a later state only the new ones.
    Threads may share one.

    Args:
        tells: function that says whether the index' vectors tell looks; it may wait for a model.
    """

    def __init__(self, tells: Callable[[], bool]) -> None:
        self._tells = tells
        self._reading = threading.Lock()
        self._kept: SegmentLooks | None = None

    def of(self, columns: IndexColumns, catalog: CatalogReader) -> Mapping[str, Look]:
        """Looks of all segments in the columns' order, by their kinds; none while they are still
        read, which begins now, or where vectors do not tell them.

        Args:
            columns: columns of the index in its latest state.
            catalog: catalog of the index.
        """
        kept = self._kept
        if kept is not None and kept.watermark == columns.watermark:
            return kept.looks
        if self._reading.acquire(blocking=False):
            threading.Thread(target=self._read, args=(catalog,), name="looks", daemon=True).start()
        return {}

    def _read(self, catalog: CatalogReader) -> None:
        try:
            with suppress(SegsearchError):  # they are counted nowhere then
                self._kept = read_looks(catalog, self._kept) if self._tells() else None
        finally:
            self._reading.release()


def read_looks(catalog: CatalogReader, known: SegmentLooks | None = None) -> SegmentLooks:
    """The looks that the vectors of a catalog tell.

    Args:
        catalog: catalog whose vectors tell looks.
        known: looks of an earlier state of it, whose segments are not read again.

    Raises:
        IndexDamaged: vectors are not what was written.
    """
    from model.embedders.attributes.seen_looks import LOOKS

    if known is None or not catalog.has_passed(known.watermark):
        none = {kind: Look(look.names, np.zeros(0, np.int8)) for kind, look in LOOKS.items()}
        known = SegmentLooks(catalog.watermark, np.zeros(0, np.int64), none)
    known = _grown(known, catalog)
    with catalog.snapshot():  # what came meanwhile is little
        known = _grown(known, catalog)
        there = np.isin(known.ids, catalog.segment_ids(), assume_unique=True)
        return known.chosen(there, catalog.watermark)


def _grown(known: SegmentLooks, catalog: CatalogReader) -> SegmentLooks:
    """The looks, and those of all segments whose ids are higher."""
    from model.embedders.attributes.seen_looks import LOOKS

    ids, codes = [known.ids], {kind: [look.codes] for kind, look in known.looks.items()}
    for some, vectors in catalog.vector_blocks(int(known.ids[-1]) if len(known.ids) else 0):
        ids.append(some)
        for kind, look in LOOKS.items():
            codes[kind].append(look.seen_in(vectors))
    looks = {kind: Look(LOOKS[kind].names, np.concatenate(some)) for kind, some in codes.items()}
    return SegmentLooks(known.watermark, np.concatenate(ids), looks)
