"""Cut-outs: one RGBA PNG a segment, cropped to its box, transparent around the mask.

With a margin the box is larger; what lies around the mask stays transparent, its colours kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.records import PhotoRow
from model.photos.images import to_raw_frame
from searchengine.export.layout import Layout, segment_file
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.matches.match import Match
from searchengine.photos.photo_pixels import pixels_of
from searchengine.pictures.image_bytes import png


class Cutouts(Writer):
    """Writes cut-outs."""

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """One PNG a segment."""
        return [segment_file(photo, match, ".png") for match in matches]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the cut-outs of one photo.

        Raises:
            PhotoError: the photo cannot be read any more, or is not the one indexed.
        """
        layout = self.task.layout
        pixels = pixels_of(photo)
        if layout.raw_frame:
            pixels = to_raw_frame(pixels, photo.orientation)
        names = self.names(photo, matches, self.task.photos, layout)
        for name, match in zip(names, matches, strict=True):
            framed = self.task.framed(match)
            window = framed.window_with(layout.margin)
            alpha = framed.cropped_to(window).astype(np.uint8) * 255
            self.task.write(name, png(np.dstack([pixels[window], alpha])), photo, [match])
