"""YOLO segmentation: one text file a photo, one polygon a segment, in shares of width and height.

The format knows neither holes nor separate parts: they are joined into one polygon by bridges
without width, which filling by the even-odd rule (as OpenCV's `fillPoly` does) undoes. Photos are
copied as the labels see them, since some readers heed EXIF's orientation and some do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from PIL import Image

from indexer.catalog.records import PhotoRow
from model.errors import PhotoError
from model.masks.polygons import bridged, outlines
from model.photos.images import to_raw_frame
from searchengine.export.file_names import file_name
from searchengine.export.framed import Framed
from searchengine.export.layout import Layout
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.matches.match import Match
from searchengine.photos.photo_pixels import bytes_of, pixels_of
from searchengine.pictures.image_bytes import LONGEST_JPEG, jpeg, png

CONFIG = "data.yaml"
BRIDGES = (
    "YOLO has one polygon a segment: holes and separate parts are joined to it by bridges"
    " without width, and outlines are straightened by up to a pixel"
)
NO_COPIES = "some photos could not be copied into images/: put them there under the labels' names"
AS_THEY_ARE = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp"}
"""Formats that readers of YOLO's data sets know, with the suffix of a copy."""
_UNREADABLE = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class Yolo(Writer):
    """Writes labels, copies of the photos, and the file that names both."""

    fixed: ClassVar[tuple[str, ...]] = (CONFIG,)

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """The labels and the copy of the photo: the same name but for folder and suffix."""
        split = layout.split_of(photo)
        below = f"{split}/" if split else ""
        suffix = AS_THEY_ARE.get(photo.format) if photo.orientation == 1 else None
        if suffix is None:
            suffix = ".jpg" if max(photo.size) <= LONGEST_JPEG else ".png"
        return [
            f"labels/{below}{file_name(photo.path, photo.id, '.txt')}",
            f"images/{below}{file_name(photo.path, photo.id, suffix)}",
        ]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the labels of one photo, and a copy of it where it is still there."""
        labels, image = self.names(photo, matches, self.task.photos, self.task.layout)
        lines = "".join(self._line(self.task.framed(match)) for match in matches)
        self.task.write(labels, lines.encode("ascii"), photo, matches)
        # tools look for photos in images/ and for their labels in labels/
        try:
            data = self._copy(photo, image)
        except PhotoError:
            self.task.place(image)  # tools want the folder all the same
            self.task.manifest.warn(NO_COPIES)
        else:
            self.task.write(image, data, photo)

    def finish(self) -> None:
        """Write the configuration."""
        names = "".join(
            f"  {number}: {quoted(name)}\n" for number, name in enumerate(self.task.categories)
        )
        train, val = "images", "images"  # tools ask for a val split
        if self.task.layout.val:
            train, val = "images/train", "images/val"
            for split in (train, val):  # which may have got no photo
                self.task.place(f"{split}/.")
        head = f"train: {train}\nval: {val}\nnc: {len(self.task.categories)}\n"
        self.task.write(CONFIG, f"{head}names:\n{names}".encode())

    def _copy(self, photo: PhotoRow, name: str) -> bytes:
        """The photo as a file in the frame of the labels: its own bytes, where these are that.

        Raises:
            PhotoError: the photo cannot be read any more, or is not the one indexed.
        """
        if photo.orientation == 1 and photo.format in AS_THEY_ARE:
            return bytes_of(photo)
        orientation = photo.orientation if self.task.layout.raw_frame else 1
        pixels = np.ascontiguousarray(to_raw_frame(pixels_of(photo), orientation))
        return jpeg(Image.fromarray(pixels)) if name.endswith(".jpg") else png(pixels)

    def _line(self, framed: Framed) -> str:
        """The polygon of one mask, after the number of what it shows."""
        x, y, _, _ = framed.box
        polygons = outlines(framed.cropped())
        if len(polygons) > 1:
            self.task.manifest.warn(BRIDGES)
        points = (bridged(polygons) + np.array([x, y])) / np.array(framed.size[::-1])
        points = points.clip(0, 1)
        number = str(self.task.category_of(framed.match))
        return " ".join([number, *(f"{value:.6f}" for value in points.ravel())]) + "\n"


def quoted(text: str) -> str:
    """A text as a quoted string of YAML that holds it as it is.

    JSON's strings are YAML's, but for what YAML does not let stand unescaped. A half of a
    surrogate pair, which no YAML holds, becomes U+FFFD.
    """
    whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return _UNREADABLE.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(whole, ensure_ascii=False))
