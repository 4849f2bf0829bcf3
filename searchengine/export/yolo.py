"""YOLO segmentation: one text file a photo, one polygon a segment, in shares of width and height.

The format knows neither holes nor separate parts: they are joined into one polygon by bridges
without width, which filling by the even-odd rule (as OpenCV's `fillPoly` does) undoes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from indexer.catalog.records import PhotoRow
from model.masks.polygons import bridged, outlines
from model.photos.formats import SUFFIXES
from searchengine.export.file_names import file_name
from searchengine.export.framed import Framed
from searchengine.export.photo_names import PhotoNames
from searchengine.export.writer import Writer
from searchengine.output_files import link
from searchengine.search.match import Match

CONFIG = "data.yaml"
BRIDGES = (
    "YOLO has one polygon a segment: holes and separate parts are joined to it by bridges"
    " without width, and outlines are straightened by up to a pixel"
)
NO_LINKS = "some photos could not be linked into images/: copy them there under the labels' names"
_UNREADABLE = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class Yolo(Writer):
    """Writes labels, links to the photos, and the file that names both."""

    fixed: ClassVar[tuple[str, ...]] = (CONFIG,)

    @classmethod
    def names(cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames) -> list[str]:
        """The labels and the link to the photo: the same name but for folder and suffix."""
        suffix = Path(photo.path).suffix.lower()
        suffix = suffix if suffix in SUFFIXES else f".{photo.format.lower()}"
        return [
            f"labels/{file_name(photo.path, photo.id, '.txt')}",
            f"images/{file_name(photo.path, photo.id, suffix)}",
        ]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the labels of one photo and link to it; its pixels are not needed."""
        labels, image = self.names(photo, matches, self.task.photos)
        lines = "".join(self._line(self.task.framed(match)) for match in matches)
        self.task.write(labels, lines.encode("ascii"), photo, matches)
        # tools look for photos in images/ and for their labels in labels/
        if link(self.task.place(image), Path(photo.path)):
            self.task.manifest.wrote(image, photo)
        else:
            self.task.manifest.warn(NO_LINKS)

    def finish(self) -> None:
        """Write the configuration."""
        name = quoted(self.task.category)
        # tools ask for a val split, which is theirs to draw: what was found is all in one
        text = f"train: images\nval: images\nnc: 1\nnames:\n  0: {name}\n"
        self.task.write(CONFIG, text.encode())

    def _line(self, framed: Framed) -> str:
        x, y, _, _ = framed.box
        polygons = outlines(framed.cropped())
        if len(polygons) > 1:
            self.task.manifest.warn(BRIDGES)
        points = (bridged(polygons) + np.array([x, y])) / np.array(framed.size[::-1])
        points = points.clip(0, 1)
        return " ".join(["0", *(f"{value:.6f}" for value in points.ravel())]) + "\n"


def quoted(text: str) -> str:
    """A text as a quoted string of YAML that holds it as it is.

    JSON's strings are YAML's, but for what YAML does not let stand unescaped. A half of a
    surrogate pair, which no YAML holds, becomes U+FFFD.
    """
    whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return _UNREADABLE.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(whole, ensure_ascii=False))
