"""Masks: one 8-bit PNG a segment, as large as the photo, 255 inside and 0 outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.records import PhotoRow
from searchengine.export.layout import Layout, segment_file
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.matches.match import Match
from searchengine.pictures.image_bytes import png


class MaskFiles(Writer):
    """Writes masks."""

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """One PNG a segment."""
        return [segment_file(photo, match, ".png") for match in matches]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the masks of one photo; its pixels are not needed."""
        names = self.names(photo, matches, self.task.photos, self.task.layout)
        for name, match in zip(names, matches, strict=True):
            mask = self.task.framed(match).mask()
            self.task.write(name, png(mask.astype(np.uint8) * 255), photo, [match])
