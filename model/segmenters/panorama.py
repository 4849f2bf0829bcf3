"""Segmenting a panorama: what all of it shows from afar, and what its pieces show from near."""

from __future__ import annotations

from collections.abc import Callable

from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.masks.windows import lengths
from model.photos.images import Image
from model.photos.panoramas import is_panorama, pieces
from model.photos.pieces import part_of
from model.segmenters.pieces import joined

_MOST = 300  # segments


def segmented(image: Image, look: Callable[[Image], Segments]) -> Segments:
    """Segments of a photo, of a panorama by its pieces.

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
    near = [look(part_of(image, window)) for window in windows]
    scale = max(near[0].size) / max(lengths(windows[0]))
    frame = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    counts = tuple(resize_mask(mask, whole.size, frame) for mask in whole.counts)
    finer = Segments.unrelated(frame, counts, whole.quality)
    return joined(finer, near, windows, image.size, _MOST)
