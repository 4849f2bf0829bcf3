"""COCO: one JSON file, masks as compressed run lengths; holes and separate parts are kept.

`iscrowd` is 0, or evaluation would take the masks for regions to be ignored. `file_name` is the
photo's path below the folder that was indexed. Tools that read no run lengths are given polygons:
one to each part, with its holes joined to it by bridges without width.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

import numpy as np

from indexer.catalog.records import PhotoRow
from model.masks.polygons import parts
from searchengine.export.framed import Framed, frame_of
from searchengine.export.writer import Task, Writer
from searchengine.matches.match import Match
from searchengine.output_files import completed

NAME = "annotations.json"
STRAIGHTENED = (
    "polygons are straightened by up to a pixel, and holes are joined to them by bridges without"
    " width: without `polygons=True` COCO holds the masks as they are"
)


class Coco(Writer):
    """Writes COCO JSON, annotation by annotation."""

    streamed: ClassVar[tuple[str, ...]] = (NAME,)

    def __init__(self, task: Task, closing: ExitStack) -> None:
        """Open the file, and a nameless one beside it for the images, which come last in it."""
        super().__init__(task, closing)
        self._file = closing.enter_context(completed(task.folder / NAME))
        self._images = tempfile.TemporaryFile(dir=task.folder)  # noqa: SIM115
        closing.enter_context(self._images)
        self._annotations = 0
        head = {
            "info": {"description": f"segsearch: {', '.join(task.categories)}", "version": "1.0"},
            "licenses": [],
            "categories": [
                {"id": number, "name": name, "supercategory": ""}
                for number, name in enumerate(task.categories, start=1)
            ],
        }
        self._file.write(json.dumps(head)[:-1].encode() + b', "annotations": [')

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Append one photo and its annotations; its pixels are not needed."""
        height, width = frame_of(photo, self.task.layout.raw_frame)
        name = self.task.photos.of(photo)
        image = {"id": photo.id, "file_name": name, "width": width, "height": height}
        self._images.write(b",\n" if self._images.tell() else b"\n")
        self._images.write(json.dumps(image).encode())
        for match in matches:
            framed = self.task.framed(match)
            annotation = {
                "id": self._annotations + 1,
                "image_id": photo.id,
                "category_id": self.task.category_of(match) + 1,
                "segmentation": self._segmentation(framed),
                "area": framed.area,
                "bbox": list(framed.box),
                "iscrowd": 0,
                "segment_id": match.segment_id,
                **framed.judgement(),
            }
            self._file.write(b",\n" if self._annotations else b"\n")
            self._file.write(json.dumps(annotation).encode())
            self._annotations += 1

    def _segmentation(self, framed: Framed) -> dict[str, Any] | list[list[float]]:
        if not self.task.layout.polygons:
            return framed.segmentation
        self.task.manifest.warn(STRAIGHTENED)
        x, y, _, _ = framed.box
        corner = np.array([x, y])
        return [(ring + corner).round(2).ravel().tolist() for ring in parts(framed.cropped())]

    def finish(self) -> None:
        """Append the images."""
        self._file.write(b'\n], "images": [')
        self._images.seek(0)
        shutil.copyfileobj(self._images, self._file)
        self._file.write(b"\n]}\n")
