"""Pieces of a photo that are segmented by themselves, and what they show beside all of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.coverage import coverage
from model.masks.nms import coverage_iou, greedy_nms
from model.masks.segments import Segments
from model.masks.windows import Window, placed, window_in

_OVERLAP = 0.7  # IoU above which the better of two segments is kept
_GRID = 48  # cells of the shorter side on which segments are compared
_AFAR = 0.8  # of a segment's rank where a piece drew the same thing from near


def whole_ones(found: Segments, window: Window, size: tuple[int, int]) -> Segments:
    """Segments of a piece that end at no edge of it, unless that is one of the photo's.

    What is cut off, the next piece, or the look at all of the photo, shows whole.

    Args:
        found: segments of the piece.
        window: its rows and columns.
        size: (height, width) of the photo.
    """
    (height, width), (rows, columns) = found.size, window
    left, top, right, bottom = found.boxes.T
    cut = (
        ((columns.start > 0) & (left < 1))
        | ((rows.start > 0) & (top < 1))
        | ((columns.stop < size[1]) & (right > width - 1))
        | ((rows.stop < size[0]) & (bottom > height - 1))
    )
    return found[np.flatnonzero(~cut)]


def joined(
    whole: Segments,
    near: Sequence[Segments],
    windows: Sequence[Window],
    size: tuple[int, int],
    most: int,
) -> Segments:
    """Segments of a photo and of its pieces, each thing once, best first.

    Args:
        whole: segments of all of the photo; the result is in their frame.
        near: segments of each piece, in its own frame.
        windows: rows and columns of each piece.
        size: (height, width) of the photo that those are of, pixels.
        most: segments at most.
    """
    frame = whole.size
    counts, quality, rank = list(whole.counts), [whole.quality], [whole.quality * _AFAR]
    for found, window in zip(near, windows, strict=True):
        found = whole_ones(found, window, size)
        if len(found):
            drawn = placed(found.masks(), window_in(window, size, frame), frame)
            some = np.flatnonzero(rle.areas(drawn, frame))
            counts += [drawn[number] for number in some]
            quality.append(found.quality[some])
            rank.append(found.quality[some])
    if not counts:
        return Segments.empty(frame)
    return _distinct(frame, counts, np.concatenate(quality), np.concatenate(rank), most)


def _distinct(
    frame: tuple[int, int],
    counts: list[bytes],
    quality: NDArray[np.float32],
    rank: NDArray[np.float32],
    most: int,
) -> Segments:
    every = Segments.unrelated(frame, counts, quality)
    cell = max(1.0, min(frame) / _GRID)
    grid = (max(1, round(frame[0] / cell)), max(1, round(frame[1] / cell)))
    cover = coverage(every, grid)
    kept = greedy_nms((coverage_iou(cover, cover) > _OVERLAP).numpy(), rank, most)
    # best first by what each is thought worth, whoever drew it
    kept = kept[np.argsort(-quality[kept], kind="stable")]
    return Segments.from_counts(frame, [counts[number] for number in kept], quality[kept])
