"""Formats of exports by name: here, since the command line and the page's API name them before any
of what writes them is loaded.
"""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """Formats of exports."""

    masks = "masks"
    cutouts = "cutouts"
    overlays = "overlays"
    coco = "coco"
    yolo = "yolo"
    labelme = "labelme"
    cvat = "cvat"
