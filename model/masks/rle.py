"""Masks as COCO run lengths: coding, measuring and comparing.

Run lengths are COCO's compressed ones (column-major, 6 bits a character), coded by pycocotools.
A mask's frame is `size` = (height, width) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
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


def decode_window(counts: bytes, size: Size, rows: slice, columns: slice) -> NDArray[np.bool_]:
    """The rows and columns of one mask: much quicker than all of it, where they are few.

    Raises:
        ValueError: the run lengths are not those of a mask of this size.
    """
    try:
        decoded = coco.decode(_records((counts,), size))
    except ValueError as error:
        raise ValueError(f"run lengths do not fit a mask of {size}") from error
    # laid out column by column: turning all of a large photo takes longer than decoding it
    return np.ascontiguousarray(decoded[rows, columns, 0]).view(np.bool_)


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


def pool(maps: NDArray[np.float32], grid: Size) -> NDArray[np.float32]:
    """N×H×W maps averaged by area onto a grid (h, w): two small matrix products."""
    rows = _area_weights(maps.shape[1], grid[0])
    columns = _area_weights(maps.shape[2], grid[1])
    return np.asarray(rows @ (maps @ columns.T), np.float32)


def _records(counts: Sequence[bytes], size: Size) -> list[dict[str, Any]]:
    return [{"size": list(size), "counts": run} for run in counts]


def _area_weights(pixels: int, cells: int) -> NDArray[np.float32]:
    """cells×pixels matrix whose rows average the pixels under each cell, by overlap."""
    edges = np.linspace(0, pixels, cells + 1)
    start, end = np.arange(pixels), np.arange(1, pixels + 1)
    overlap = np.minimum(edges[1:, None], end) - np.maximum(edges[:-1, None], start)
    weights = np.clip(overlap, 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
