"""Where segments of a panorama are looked at: each in the piece that shows it best."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model.masks.segments import Segments
from model.masks.windows import cut_out, window_in
from model.photos.images import Image
from model.photos.panoramas import is_panorama, pieces


def best_views(
    image: Image, segments: Segments
) -> Iterator[tuple[Image, Segments, NDArray[np.int64]]]:
    """Views of a photo that together show each of its segments once.

    Args:
        image: photo.
        segments: N of its segments.

    Yields:
        Image of the view; the segments that it shows, in its frame; their numbers, int64. A photo
        that is no panorama is one view. Of a panorama a segment is seen in the piece that it lies
        in and is nearest to the middle of, one that no piece holds in all of it.
    """
    if not is_panorama(image.size):
        yield image, segments, np.arange(len(segments))
        return
    windows = [window_in(window, image.size, segments.size) for window in pieces(image.size)]
    left, top, right, bottom = segments.boxes.T
    away = np.full((len(windows) + 1, len(segments)), np.inf)
    away[-1] = 1e9  # all of it: only where no piece holds the segment
    for row, (rows, columns) in zip(away, windows, strict=False):
        inside = (
            (left >= columns.start)
            & (right <= columns.stop)
            & (top >= rows.start)
            & (bottom <= rows.stop)
        )
        far = abs(left + right - columns.start - columns.stop)
        far = far + abs(top + bottom - rows.start - rows.stop)
        row[inside] = far[inside]
    chosen = away.argmin(axis=0)
    for number, piece in enumerate(pieces(image.size)):
        rows_chosen = np.flatnonzero(chosen == number)
        if len(rows_chosen):
            pixels = np.ascontiguousarray(image.pixels[piece])
            view = Image(pixels, (pixels.shape[0], pixels.shape[1]))
            yield view, cut_out(segments[rows_chosen], windows[number]), rows_chosen
    rest = np.flatnonzero(chosen == len(windows))
    if len(rest):
        yield image, segments[rest], rest
