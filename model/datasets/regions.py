"""Regions as data sets write them, as run lengths. Nothing that they say is trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from pycocotools import mask as coco

from model.masks.runs import area_of

Size = tuple[int, int]
LARGEST = 1 << 29  # pixels of a frame


def region_counts(segmentation: Any, size: Size) -> bytes:
    """COCO compressed run lengths of a COCO `segmentation`.

    Args:
        segmentation: polygons ([[x, y, x, y …] …]), or run lengths, compressed ("counts" is text)
            or not ("counts" is a list).
        size: (height, width) of the photo.

    Raises:
        ValueError: the region is none of these, belongs to another frame, or covers no pixel.
    """
    checked_size(size)
    if isinstance(segmentation, Mapping):
        counts = _run_lengths(segmentation, size)
    elif isinstance(segmentation, Sequence) and not isinstance(segmentation, (str, bytes)):
        counts = _drawn(segmentation, size)
    else:
        raise ValueError("the segmentation is neither polygons nor run lengths")
    if not area_of(counts, size):
        raise ValueError("the region covers no pixel")
    return counts


def rectangle(bbox: Any, size: Size) -> bytes:
    """Run lengths of a box [x, y, width, height], cut to the frame.

    Raises:
        ValueError: the box is none, or lies outside of the frame.
    """
    height, width = checked_size(size)
    x, y, across, down = (float(value) for value in bbox)
    if not all(map(math.isfinite, (x, y, across, down))) or across <= 0 or down <= 0:
        raise ValueError("the box has no extent")
    x0, y0 = max(int(x), 0), max(int(y), 0)
    x1, y1 = min(max(round(x + across), x0 + 1), width), min(max(round(y + down), y0 + 1), height)
    if x0 >= x1 or y0 >= y1:
        raise ValueError("the box lies outside of the photo")
    whole = np.array([[x0, y0, x1 - x0, y1 - y0]], np.float64)
    counts: bytes = coco.frPyObjects(whole, height, width)[0]["counts"]
    return counts


@lru_cache(maxsize=64)
def whole_photo(size: Size) -> bytes:
    """Run lengths of everything."""
    height, width = checked_size(size)
    return _compressed([0, height * width], size)


def checked_size(size: Size) -> Size:
    """(height, width), if it is the size of a photo.

    Raises:
        ValueError: no photo has this size.
    """
    height, width = size
    if min(height, width) < 1 or height * width > LARGEST:
        raise ValueError(f"no photo is {height} high and {width} wide")
    return height, width


def _run_lengths(segmentation: Mapping[str, Any], size: Size) -> bytes:
    stated = segmentation.get("size")
    if stated is not None and tuple(stated) != size:
        raise ValueError(f"the mask's size is {stated}, the photo's {list(size)}")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        return counts.encode("ascii")
    if isinstance(counts, bytes):
        return counts
    if not isinstance(counts, list):
        raise ValueError("the segmentation has no counts")
    runs = [int(run) for run in counts]
    if min(runs, default=-1) < 0 or sum(runs) != size[0] * size[1]:
        raise ValueError(f"run lengths do not fit a mask of {size}")
    return _compressed(runs, size)


def _drawn(polygons: Sequence[Any], size: Size) -> bytes:
    height, width = size
    rings = []
    for polygon in polygons:
        points = np.asarray(polygon, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2 or not np.isfinite(points).all():
            raise ValueError("a polygon is no list of three or more points")
        # points far outside would be drawn too, for as long as it takes
        rings.append(np.clip(points, 0, [width, height] * (len(points) // 2)).tolist())
    if not rings:
        raise ValueError("there is no polygon")
    drawn = coco.frPyObjects(rings, height, width)
    counts: bytes = coco.merge(drawn)["counts"]
    return counts


def _compressed(runs: list[int], size: Size) -> bytes:
    record = coco.frPyObjects({"size": list(size), "counts": runs}, *size)
    counts: bytes = record["counts"]
    return counts
