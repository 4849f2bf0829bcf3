"""Masks as COCO run lengths: coding, measuring, comparing, and enlarging to the photo's size.

Run lengths are COCO's compressed ones (column-major, 6 bits a character), coded by pycocotools.
A mask's frame is `size` = (height, width) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageFilter
from pycocotools import mask as coco

Size = tuple[int, int]


def encode(masks: NDArray[np.bool_]) -> tuple[bytes, ...]:
    """Run lengths of N×H×W boolean masks."""
    columns = np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8))
    return tuple(run["counts"] for run in coco.encode(columns))


def decode(counts: Sequence[bytes], size: Size) -> NDArray[np.bool_]:
    """N×H×W boolean masks of N run lengths.

    Raises:
        ValueError: the run lengths are not those of a mask of this size.
    """
    if not counts:
        return np.zeros((0, *size), np.bool_)
    try:
        decoded = coco.decode(_records(counts, size))
    except ValueError as error:
        raise ValueError(f"run lengths do not fit a mask of {size}") from error
    return np.ascontiguousarray(decoded.transpose(2, 0, 1)).view(np.bool_)


def boxes(counts: Sequence[bytes], size: Size) -> NDArray[np.float32]:
    """N×4 float32 boxes, XYXY in pixels, x1 and y1 exclusive."""
    if not counts:
        return np.zeros((0, 4), np.float32)
    xywh = np.asarray(coco.toBbox(_records(counts, size)), np.float32).reshape(-1, 4)
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def areas(counts: Sequence[bytes], size: Size) -> NDArray[np.int64]:
    """N int64 areas in pixels."""
    # pycocotools 2.0.11 overflows on areas of 256 or more masks at once under NumPy 2.
    records = _records(counts, size)
    chunks = [coco.area(records[i : i + 128]) for i in range(0, len(records), 128)]
    return np.concatenate(chunks).astype(np.int64) if chunks else np.zeros(0, np.int64)


def iou(one: Sequence[bytes], other: Sequence[bytes], size: Size) -> NDArray[np.float64]:
    """N×M intersection over union of two lists of run lengths of one size."""
    if not one or not other:
        return np.zeros((len(one), len(other)))
    crowd = [0] * len(other)
    table = coco.iou(_records(one, size), _records(other, size), crowd)
    return np.asarray(table, np.float64).reshape(len(one), len(other))


def shrink(masks: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """N×h×w float32 coverage in [0, 1] of N×H×W masks on a grid of at most `side` cells.

    A cell holds the share of its pixels that the mask covers (exact area average), so nothing
    small is lost, and sums are areas.
    """
    n, height, width = masks.shape
    h, w = min(side, height), min(side, width)
    return pool(masks.astype(np.float32), (h, w))


def pool(maps: NDArray[np.float32], grid: Size) -> NDArray[np.float32]:
    """N×H×W maps averaged by area onto a grid (h, w): two small matrix products."""
    rows = _area_weights(maps.shape[1], grid[0])
    columns = _area_weights(maps.shape[2], grid[1])
    return np.asarray(rows @ (maps @ columns.T), np.float32)


def enlarge(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """An H×W mask at another size, its outline smooth, its topology kept.

    Two interpolations are mixed: the linear one keeps every pixel of the original on its side
    (holes, thin parts and islands survive), a blurred cubic one takes the staircase out of the
    outline. The blurred one may move the linear one by less than half, hence never flips the
    centre of an original pixel.
    """
    if mask.shape == size:
        return mask.copy()
    result = np.zeros(size, np.bool_)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return result
    scale_y, scale_x = size[0] / mask.shape[0], size[1] / mask.shape[1]
    margin = 3
    y0, y1 = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, mask.shape[0])
    x0, x1 = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, mask.shape[1])
    # the crop in the target's whole pixels, and where exactly that lies in the source
    ty0, ty1 = int(np.floor(y0 * scale_y)), min(int(np.ceil(y1 * scale_y)), size[0])
    tx0, tx1 = int(np.floor(x0 * scale_x)), min(int(np.ceil(x1 * scale_x)), size[1])
    source = (tx0 / scale_x, ty0 / scale_y, tx1 / scale_x, ty1 / scale_y)
    source = (
        source[0],
        source[1],
        min(source[2], float(mask.shape[1])),
        min(source[3], float(mask.shape[0])),
    )
    small = PillowImage.fromarray(mask.astype(np.uint8) * 255)
    target = (tx1 - tx0, ty1 - ty0)
    linear = _as_field(small.resize(target, PillowImage.Resampling.BILINEAR, source))
    if scale_y <= 1 and scale_x <= 1:
        result[ty0:ty1, tx0:tx1] = linear >= 127.5
        return result
    blurred_small = small.filter(ImageFilter.GaussianBlur(0.8))
    blurred = _as_field(blurred_small.resize(target, PillowImage.Resampling.BICUBIC, source))
    smooth = np.clip(blurred, linear - 120, linear + 120)
    result[ty0:ty1, tx0:tx1] = smooth >= 127.5
    return result


def _as_field(image: PillowImage.Image) -> NDArray[np.int16]:
    return np.asarray(image).astype(np.int16)


def _records(counts: Sequence[bytes], size: Size) -> list[dict[str, Any]]:
    return [{"size": list(size), "counts": run} for run in counts]


def _area_weights(pixels: int, cells: int) -> NDArray[np.float32]:
    """cells×pixels matrix whose rows average the pixels under each cell, by overlap."""
    edges = np.linspace(0, pixels, cells + 1)
    start, end = np.arange(pixels), np.arange(1, pixels + 1)
    overlap = np.minimum(edges[1:, None], end) - np.maximum(edges[:-1, None], start)
    weights = np.clip(overlap, 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
