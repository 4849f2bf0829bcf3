"""Segmenting a panorama: what all of it shows from afar, and what its pieces show from near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from model.masks.coverage import coverage
from model.masks.nms import coverage_iou, greedy_nms
from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.masks.windows import Window, placed, window_in
from model.photos.images import Image
from model.photos.panoramas import is_panorama, pieces

_OVERLAP = 0.7  # IoU above which the better of two segments is kept
_GRID = 48  # cells of the shorter side on which segments are compared
_AFAR = 0.8  # of a segment's rank where a piece drew the same thing from near
_MOST = 300  # segments


def segmented(image: Image, look: Callable[[Image], Segments]) -> Segments:
    """Segments of a photo, of a panorama by its pieces.

    A piece's segment that ends where the piece was cut is left out: the next piece, or the look
    at all of it, shows the whole thing.

    Args:
        image: photo.
        look: segmenter of photos of usual shapes.

    Returns:
        Segments, best first, in a frame of the photo's shape; of a panorama in one that is as
        fine as a piece's.
    """
    whole = look(image)
    if not is_panorama(image.size):
        return whole
    windows = pieces(image.size)
    near = [look(_piece(image, window)) for window in windows]
    scale = max(near[0].size) / max(_lengths(windows[0]))
    frame = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    counts = [resize_mask(mask, whole.size, frame) for mask in whole.counts]
    quality, rank = [whole.quality], [whole.quality * _AFAR]
    for found, window in zip(near, windows, strict=True):
        found = found[np.flatnonzero(~_cut_off(found, window, image.size))]
        if len(found):
            counts += placed(found.masks(), window_in(window, image.size, frame), frame)
            quality.append(found.quality)
            rank.append(found.quality)
    if not counts:
        return Segments.empty(frame)
    return _distinct(frame, counts, np.concatenate(quality), np.concatenate(rank))


def _piece(image: Image, window: Window) -> Image:
    pixels = np.ascontiguousarray(image.pixels[window])
    return Image(pixels, (pixels.shape[0], pixels.shape[1]))


def _lengths(window: Window) -> tuple[int, int]:
    rows, columns = window
    return rows.stop - rows.start, columns.stop - columns.start


def _cut_off(found: Segments, window: Window, size: tuple[int, int]) -> NDArray[np.bool_]:
    """N: which segments end at an edge of their piece that is none of the photo's."""
    (height, width), (rows, columns) = found.size, window
    left, top, right, bottom = found.boxes.T
    return np.asarray(
        ((columns.start > 0) & (left < 1))
        | ((rows.start > 0) & (top < 1))
        | ((columns.stop < size[1]) & (right > width - 1))
        | ((rows.stop < size[0]) & (bottom > height - 1))
    )


def _distinct(
    frame: tuple[int, int],
    counts: list[bytes],
    quality: NDArray[np.float32],
    rank: NDArray[np.float32],
) -> Segments:
    every = Segments.unrelated(frame, counts, quality)
    cell = max(1.0, min(frame) / _GRID)
    grid = (max(1, round(frame[0] / cell)), max(1, round(frame[1] / cell)))
    cover = coverage(every, grid)
    kept = greedy_nms((coverage_iou(cover, cover) > _OVERLAP).numpy(), rank, _MOST)
    # best first by what each is thought worth, whoever drew it
    kept = kept[np.argsort(-quality[kept], kind="stable")]
    return Segments.from_counts(frame, [counts[number] for number in kept], quality[kept])
