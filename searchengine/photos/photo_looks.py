"""PhotoLooks: photos of an index, looked at anew by Global-Local CLIP when one is to be told."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import PhotoRow, SegmentRow
from model.errors import PhotoError
from model.referring.expression import Expression
from model.referring.referrer import Referrer, Views
from searchengine.photos.photo_pixels import image_of
from searchengine.photos.segment_rows import as_segments

KEPT = 64
"""Photos whose views are kept: a few hundred kilobytes each."""


class PhotoLooks:
    """Views of indexed photos' segments, by another referrer than the index' own vectors.

    Args:
        referrer: referrer that looks.
        most: photos of a search that are looked at.
        image_side: pixels of the longer side at which photos were indexed.
    """

    def __init__(self, referrer: Referrer, most: int, image_side: int) -> None:
        self._referrer, self._most, self._side = referrer, most, image_side
        self._views: OrderedDict[tuple[int, ...], Views] = OrderedDict()

    def replaced(
        self,
        cosines: NDArray[np.floating],
        photos: Sequence[Sequence[SegmentRow]],
        texts: Sequence[str],
        expression: Expression,
        catalog: CatalogReader,
    ) -> tuple[NDArray[np.floating], list[str]]:
        """The cosines, those of the first photos by what is seen in them; and what could not be.

        How well a photo answers stays the index' to tell: of each text the best cosine among a
        photo's segments is kept, and how much the others lie below it is what was seen.

        Args:
            cosines: N×T, segments of all photos one after the other.
            photos: rows of each photo's segments.
            texts: T texts.
            expression: expression that has these texts.
            catalog: catalog of the index.
        """
        first = photos[: self._most]
        known = catalog.photos({rows[0].photo_id for rows in first})
        result, notes, start = cosines.copy(), [], 0
        for rows in first:
            own = slice(start, start + len(rows))
            start += len(rows)
            photo = known[rows[0].photo_id]
            try:
                seen = self._look(photo, rows).cosines(expression)
            except PhotoError as error:
                notes.append(f"{photo.path} was not looked at: {error.what}")
                continue
            result[own] = _anchored(cosines[own], seen, texts)
        return result, notes

    def _look(self, photo: PhotoRow, rows: Sequence[SegmentRow]) -> Views:
        key = tuple(row.id for row in rows)
        if key not in self._views:
            image = image_of(photo, max_side=self._side)
            self._views[key] = self._referrer.look(image, as_segments(rows, rows[0].frame))
        self._views.move_to_end(key)
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
        return self._views[key]


def _anchored(
    cosines: NDArray[np.floating], seen: Mapping[str, NDArray[np.floating]], texts: Sequence[str]
) -> NDArray[np.floating]:
    """N×T: what was seen of one photo's segments, its best where the index had its own."""
    columns = np.stack([seen[text] for text in texts], axis=1)
    return np.asarray(columns - columns.max(axis=0) + cosines.max(axis=0))
