"""Cut-outs: one RGBA PNG a segment, cropped to its box, transparent around the mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.records import PhotoRow
from model.photos.images import to_raw_frame
from searchengine.export.file_names import file_name
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.pictures.image_bytes import png
from searchengine.search.match import Match
from searchengine.search.photo_pixels import pixels_of


class Cutouts(Writer):
    """Writes cut-outs."""

    @classmethod
    def names(cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames) -> list[str]:
        """One PNG a segment."""
        return [file_name(photo.path, match.segment_id, ".png") for match in matches]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the cut-outs of one photo.

        Raises:
            PhotoError: the photo cannot be read any more, or is not the one indexed.
        """
        pixels = pixels_of(photo)
        if self.task.raw_frame:
            pixels = to_raw_frame(pixels, photo.orientation)
        for name, match in zip(self.names(photo, matches, self.task.photos), matches, strict=True):
            framed = self.task.framed(match)
            alpha = framed.cropped().astype(np.uint8) * 255
            self.task.write(name, png(np.dstack([pixels[framed.window], alpha])), photo, [match])
