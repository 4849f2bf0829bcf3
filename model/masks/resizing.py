"""Masks at another size: from run lengths to run lengths, smooth, and without a pixel drawn.

A mask is taken as a field with a value for every pixel's centre, and its outline as the line on
which the linearly interpolated field is one half. The field is the mask, blurred to take the
staircase out of the outline, but never across one half: every pixel of the original keeps its
side. Where the blur would have moved a pixel across, it is left out around that pixel, so that
thin parts keep their width, and holes and islands of one pixel survive any enlargement.

The run lengths of the result follow from where that line crosses each column of the new frame:
work and memory grow with (rows of the old frame) × (columns of the new one), not with the pixels
of a 50-megapixel photo.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from model.masks import rle

Size = tuple[int, int]

BLUR = (1, 4, 6, 4, 1)  # binomial taps, standard deviation one pixel
# how near to one half the field may come at the centre of a pixel of the original; not symmetric,
# or every midpoint between two pixels would be a tie
INSIDE, OUTSIDE = 0.53, 0.471
THIN = 0.97  # the field inside where the blur is left out; 0 is outside


def resize_mask(counts: bytes, size: Size, target: Size) -> bytes:
    """The run lengths of a mask at another size.

    Args:
        counts: COCO compressed run lengths.
        size: (height, width) of their frame, pixels.
        target: (height, width) of the frame wanted.

    Returns:
        COCO compressed run lengths in the wanted frame. A mask that would lose its last pixel
        keeps the one that holds its middle.
    """
    if size == target:
        return counts
    mask = rle.decode((counts,), size)[0]
    if not mask.any():
        return rle.encode(np.zeros((1, *target), np.bool_))[0]
    rows, columns = _extent(mask.any(axis=1)), _extent(mask.any(axis=0))
    window = (slice(*_widened(rows, size[0])), slice(*_widened(columns, size[1])))
    starts, ends = _crossings(
        outline_field(mask[window]), (window[0].start, window[1].start), size, target
    )
    if not len(starts):
        middle = ((rows[0] + rows[1]) / 2 / size[0], (columns[0] + columns[1]) / 2 / size[1])
        y, x = (min(int(m * t), t - 1) for m, t in zip(middle, target, strict=True))
        starts, ends = np.array([x * target[0] + y]), np.array([x * target[0] + y + 1])
    return _run_lengths(starts, ends, target)


def outline_field(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """H×W field in [0, 1], at least one half exactly where the mask is."""
    blurred = mask.astype(np.float32)
    taps = np.array(BLUR, np.float32) / sum(BLUR)
    for axis in (0, 1):
        padded = np.pad(blurred, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        length = blurred.shape[axis]
        blurred = sum(
            (tap * padded.take(range(i, i + length), axis) for i, tap in enumerate(taps)),
            start=np.zeros_like(blurred),
        )
    thin = _with_neighbours((blurred >= 0.5) != mask)
    smooth = np.where(mask, np.maximum(blurred, INSIDE), np.minimum(blurred, OUTSIDE))
    return np.where(thin, mask * np.float32(THIN), smooth)


def _with_neighbours(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    for axis in (0, 1):
        padded = np.pad(pixels, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
        shifted = [padded.take(range(i, i + pixels.shape[axis]), axis) for i in range(3)]
        pixels = np.logical_or.reduce(shifted)
    return pixels


def _crossings(
    field: NDArray[np.float32], origin: tuple[int, int], size: Size, target: Size
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends (exclusive) of the runs, column by column, in the target's flat order."""
    scale_y, scale_x = target[0] / size[0], target[1] / size[1]
    height = field.shape[0]
    # the target's columns whose centres can see this window
    first = max(int(np.floor((origin[1] - 0.5) * scale_x)), 0)
    last = min(int(np.ceil((origin[1] + field.shape[1] + 0.5) * scale_x)), target[1])
    x = np.clip((np.arange(first, last) + 0.5) / scale_x - 0.5 - origin[1], 0, field.shape[1] - 1)
    left = np.minimum(x.astype(np.int64), max(field.shape[1] - 2, 0))
    right = np.minimum(left + 1, field.shape[1] - 1)
    share = (x - left).astype(np.float32)
    lines = (field[:, left] * (1 - share) + field[:, right] * share).T  # [column, row]
    inside = lines >= 0.5

    column, row = np.nonzero(inside[:, 1:] != inside[:, :-1])
    below, above = lines[column, row + 1], lines[column, row]
    level = row + (0.5 - above) / (below - above) + origin[0]
    rising = inside[column, row + 1]
    # the first of the target's rows whose centre lies past the crossing; on it counts as inside
    exact = (level + 0.5) * scale_y - 0.5
    pixel = np.where(rising, np.ceil(exact), np.floor(exact) + 1).astype(np.int64)
    pixel = np.clip(pixel, 0, target[0])

    # the outermost rows of the window reach to the photo's border (or are outside the mask)
    top, bottom = np.flatnonzero(inside[:, 0]), np.flatnonzero(inside[:, height - 1])
    start_column = np.concatenate([column[rising], top])
    start_pixel = np.concatenate([pixel[rising], np.zeros(len(top), np.int64)])
    end_column = np.concatenate([column[~rising], bottom])
    end_pixel = np.concatenate([pixel[~rising], np.full(len(bottom), target[0])])
    starts = np.sort((start_column + first) * target[0] + start_pixel)
    ends = np.sort((end_column + first) * target[0] + end_pixel)
    filled = ends > starts
    return starts[filled], ends[filled]


def _run_lengths(starts: NDArray[np.int64], ends: NDArray[np.int64], target: Size) -> bytes:
    joined = starts[1:] == ends[:-1]
    starts = starts[np.concatenate([[True], ~joined])]
    ends = ends[np.concatenate([~joined, [True]])]
    edges = np.empty(2 * len(starts) + 2, np.int64)
    edges[0], edges[-1] = 0, target[0] * target[1]
    edges[1:-1:2], edges[2:-1:2] = starts, ends
    record = {"size": list(target), "counts": np.diff(edges).tolist()}
    counts = coco.frPyObjects(record, *target)["counts"]
    assert isinstance(counts, bytes)
    return counts


def _extent(occupied: NDArray[np.bool_]) -> tuple[int, int]:
    places = np.flatnonzero(occupied)
    return int(places[0]), int(places[-1]) + 1


def _widened(extent: tuple[int, int], limit: int, by: int = 3) -> tuple[int, int]:
    return max(extent[0] - by, 0), min(extent[1] + by, limit)
