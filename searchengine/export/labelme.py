"""LabelMe: one JSON file a photo, shapes of type "mask", which keep holes and separate parts.

LabelMe pairs a photo with the JSON of the same name, beside it or in its output folder, and finds
the photo again by the way that leads from the JSON to it, or by its whole path, which files that
are unpacked anywhere need.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from indexer.catalog.records import PhotoRow
from model.stores.urls import is_url
from searchengine.export.framed import frame_of
from searchengine.export.layout import Layout
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.matches.match import Match
from searchengine.pictures.image_bytes import png

VERSION = "5.5.0"  # of LabelMe; masks came with 5.3


class LabelMe(Writer):
    """Writes LabelMe files."""

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """One JSON file a photo, named as the photo but for the suffix."""
        return [f"{photos.stem(photo)}.json"]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the shapes of one photo; its pixels are not needed."""
        height, width = frame_of(photo, self.task.layout.raw_frame)
        (name,) = self.names(photo, matches, self.task.photos, self.task.layout)
        document: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": [self._shape(match) for match in matches],
            "imagePath": self._path(photo, name),
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        self.task.write(name, json.dumps(document, indent=1).encode(), photo, matches)

    def _path(self, photo: PhotoRow, name: str) -> str:
        if is_url(photo.path):
            return photo.path
        if self.task.layout.whole_paths:
            return PurePath(photo.path).as_posix()
        return way(self.task.place(name).parent, photo.path)

    def _shape(self, match: Match) -> dict[str, Any]:
        framed = self.task.framed(match)
        x, y, width, height = framed.box
        return {
            "label": self.task.categories[self.task.category_of(match)],
            # the first and the last pixel, both inside
            "points": [[x, y], [x + width - 1, y + height - 1]],
            "group_id": None,
            "description": f"segment {match.segment_id}",
            "shape_type": "mask",
            "flags": {},
            "mask": base64.b64encode(png(framed.cropped().astype(np.uint8))).decode("ascii"),
            "segment_id": match.segment_id,
            **framed.judgement(),
        }


def way(folder: Path, photo: str) -> str:
    """The relative path from a folder to a photo, with "/"; the whole path to another drive."""
    try:
        return PurePath(os.path.relpath(photo, folder.resolve())).as_posix()
    except ValueError:
        return PurePath(photo).as_posix()
