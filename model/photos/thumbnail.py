"""Thumbnail: a photo small enough for a grid of many, as the bytes of a JPEG file."""

from __future__ import annotations

import io

from PIL import Image as PillowImage

from model.photos.images import Image

SIDE = 256
"""Pixels of the longer side at most."""
_QUALITY = 75  # 11 kB on average over photographs of many kinds


def thumbnail_jpeg(image: Image) -> bytes:
    """JPEG file of an upright photo, sRGB, its longer side at most `SIDE` pixels; without metadata.

    Args:
        image: photo of any size; a smaller one is not enlarged.
    """
    file = io.BytesIO()
    small = PillowImage.fromarray(image.reduced(SIDE).pixels)
    small.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
