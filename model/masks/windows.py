"""Segments of a window of a photo, and of the photo, told in each other's frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.segments import Segments

Size = tuple[int, int]
Window = tuple[slice, slice]


def window_in(window: Window, size: Size, frame: Size) -> Window:
    """Rows and columns of a window of one size's pixels in the pixels of another frame."""

    def scaled(part: slice, length: int, wanted: int) -> slice:
        start = min(round(part.start * wanted / length), wanted - 1)
        return slice(start, max(start + 1, round(part.stop * wanted / length)))

    rows, columns = window
    return scaled(rows, size[0], frame[0]), scaled(columns, size[1], frame[1])


def lengths(window: Window) -> Size:
    """Height and width of a window."""
    rows, columns = window
    return rows.stop - rows.start, columns.stop - columns.start


def placed(masks: NDArray[np.bool_], window: Window, frame: Size) -> tuple[bytes, ...]:
    """Run lengths in a frame of N masks of one of its windows.

    Args:
        masks: N×h×w; they are fitted to the window by the nearest pixel.
        window: rows and columns of the frame.
        frame: (height, width).
    """
    rows, columns = window
    size = (rows.stop - rows.start, columns.stop - columns.start)
    drawn = np.zeros((len(masks), *frame), np.bool_)
    down, across = (
        ((np.arange(length) + 0.5) * own / length).astype(np.int64)
        for length, own in zip(size, masks.shape[1:], strict=True)
    )
    drawn[:, rows, columns] = masks[:, down][:, :, across]
    return rle.encode(drawn)


def cut_out(segments: Segments, window: Window) -> Segments:
    """What a window of their frame shows of segments, each of which has a pixel in it; without
    parents."""
    rows, columns = window
    masks = np.stack(
        [rle.decode_window(counts, segments.size, rows, columns) for counts in segments.counts]
    )
    return Segments.unrelated(masks.shape[1:], rle.encode(masks), segments.quality)
