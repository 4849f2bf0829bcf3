"""YOLO segmentation: one text file a photo, one polygon a segment, in shares of width and height.

The format knows neither holes nor separate parts: they are joined into one polygon by bridges
without width, which filling by the even-odd rule (as OpenCV's `fillPoly` does) undoes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import numpy as np

from indexer.catalog.records import PhotoRow
from model.masks.polygons import bridged, outlines
from model.photos.formats import SUFFIXES
from searchengine.export.file_names import file_name
from searchengine.export.framed import Framed
from searchengine.export.writer import Task, Writer
from searchengine.output_files import link, made_folder
from searchengine.search.match import Match

CONFIG = "data.yaml"
BRIDGES = (
    "YOLO has one polygon a segment: holes and separate parts are joined to it by bridges"
    " without width, and outlines are straightened by up to a pixel"
)
NO_LINKS = "some photos could not be linked into images/: copy them there under the labels' names"


class Yolo(Writer):
    """Writes labels, links to the photos, and the file that names both."""

    fixed: ClassVar[tuple[str, ...]] = (CONFIG,)
    folders: ClassVar[tuple[str, ...]] = ("", "labels", "images")

    def __init__(self, task: Task, closing: ExitStack) -> None:
        """Make the two folders."""
        super().__init__(task, closing)
        for folder in self.folders:
            made_folder(task.folder / folder)

    @classmethod
    def names(cls, photo: PhotoRow, matches: Sequence[Match]) -> list[str]:
        """The labels and the link to the photo: the same name but for folder and suffix."""
        suffix = Path(photo.path).suffix.lower()
        suffix = suffix if suffix in SUFFIXES else f".{photo.format.lower()}"
        return [
            f"labels/{file_name(photo.path, photo.id, '.txt')}",
            f"images/{file_name(photo.path, photo.id, suffix)}",
        ]

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write the labels of one photo and link to it; its pixels are not needed."""
        labels, image = self.names(photo, matches)
        lines = "".join(self._line(self.task.framed(match)) for match in matches)
        self.task.write(labels, lines.encode("ascii"), photo, matches)
        # tools look for photos in images/ and for their labels in labels/
        if link(self.task.folder / image, Path(photo.path)):
            self.task.manifest.wrote(image, photo)
        else:
            self.task.manifest.warn(NO_LINKS)

    def finish(self) -> None:
        """Write the configuration."""
        name = json.dumps(self.task.category, ensure_ascii=False)  # a string of YAML, too
        text = f"train: images\nval: images\nnc: 1\nnames:\n  0: {name}\n"
        self.task.write(CONFIG, text.encode())

    def _line(self, framed: Framed) -> str:
        x, y, _, _ = framed.box
        polygons = outlines(framed.cropped())
        if len(polygons) > 1:
            self.task.manifest.warn(BRIDGES)
        points = (bridged(polygons) + np.array([x, y])) / np.array(framed.size[::-1])
        return " ".join(["0", *(f"{value:.6f}" for value in points.ravel())]) + "\n"
