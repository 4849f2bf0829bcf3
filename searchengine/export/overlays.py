"""Overlays: one JPEG a photo, with the masks of all its matches painted on and named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.catalog.records import PhotoRow
from model.photos.images import to_raw_frame
from searchengine.export.layout import Layout, ranked_name
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.matches.match import Match
from searchengine.photos.photo_pixels import pixels_of
from searchengine.pictures.image_bytes import LONGEST_JPEG, jpeg, png
from searchengine.pictures.overlay import overlay


class Overlays(Writer):
    """Writes overlays."""

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """One picture a photo."""
        # longer ones become PNG
        suffix = ".jpg" if max(photo.size) <= LONGEST_JPEG else ".png"
        return [ranked_name(photo, matches, photo.id, suffix)]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the overlay of one photo.

        Raises:
            PhotoError: the photo cannot be read any more, or is not the one indexed.
        """
        layout = self.task.layout
        orientation = photo.orientation if layout.raw_frame else 1
        pixels = np.ascontiguousarray(to_raw_frame(pixels_of(photo), orientation))
        picture = overlay(pixels, matches, words=self.task.words, orientation=orientation)
        (name,) = self.names(photo, matches, self.task.photos, layout)
        data = jpeg(picture) if name.endswith(".jpg") else png(picture)
        self.task.write(name, data, photo, matches)
