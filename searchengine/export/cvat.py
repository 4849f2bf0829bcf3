"""CVAT for images 1.1: one XML file, masks as CVAT's own run lengths, which keep everything.

Its run lengths go row by row within the mask's box and begin with the pixels outside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.records import PhotoRow
from searchengine.export.framed import Framed, frame_of
from searchengine.export.writer import Task, Writer
from searchengine.matches.match import Match
from searchengine.output_files import completed

NAME = "annotations.xml"
_UNSAYABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ATTRIBUTES = ("segment_id", "score", "confidence", "quality")


class Cvat(Writer):
    """Writes CVAT XML, photo by photo."""

    streamed: ClassVar[tuple[str, ...]] = (NAME,)

    def __init__(self, task: Task, closing: ExitStack) -> None:
        """Open the file and describe the labels."""
        super().__init__(task, closing)
        self._file = closing.enter_context(completed(task.folder / NAME))
        self._photos = 0
        attributes = "".join(
            f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>"
            for name in ATTRIBUTES
        )
        self._line('<?xml version="1.0" encoding="utf-8"?>')
        self._line("<annotations>\n<version>1.1</version>")
        labels = "".join(
            f"<label><name>{escape(sayable(name))}</name><type>mask</type>"
            f"<attributes>{attributes}</attributes></label>"
            for name in task.categories
        )
        self._line(f"<meta><task><labels>{labels}</labels></task></meta>")

    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Append one photo and its masks; its pixels are not needed."""
        height, width = frame_of(photo, self.task.layout.raw_frame)
        name = quoteattr(sayable(self.task.photos.of(photo)))
        self._line(f'<image id="{self._photos}" name={name} width="{width}" height="{height}">')
        for match in matches:
            self._mask(self.task.framed(match))
        self._line("</image>")
        self._photos += 1

    def finish(self) -> None:
        """Close the document."""
        self._line("</annotations>")

    def _mask(self, framed: Framed) -> None:
        x, y, width, height = framed.box
        runs = ", ".join(map(str, run_lengths(framed.cropped())))
        category = self.task.categories[self.task.category_of(framed.match)]
        label = quoteattr(sayable(category))
        self._line(
            f'<mask label={label} source="auto" occluded="0" rle="{runs}" left="{x}" top="{y}"'
            f' width="{width}" height="{height}" z_order="0">'
        )
        known = {"segment_id": framed.match.segment_id, **framed.judgement()}
        for key in ATTRIBUTES:
            if key in known:
                self._line(f'<attribute name="{key}">{known[key]}</attribute>')
        self._line("</mask>")

    def _line(self, text: str) -> None:
        self._file.write(text.encode("utf-8") + b"\n")


def sayable(text: str) -> str:
    """A text as it is, but for the control characters and bytes that XML cannot hold: escaped."""
    return _UNSAYABLE.sub(lambda c: c[0].encode("unicode_escape").decode("ascii"), text)


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of an H×W mask, row by row: outside, inside, outside …"""
    flat = np.concatenate([[False], mask.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    lengths: list[int] = np.diff([0, *changes.tolist(), mask.size]).tolist()
    return lengths
