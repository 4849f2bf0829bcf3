"""Photos as they are sent over a network: JPEG, no larger than agreed."""

from __future__ import annotations

from io import BytesIO

from PIL import Image as PillowImage

from model.photos.images import Image

_SMALLER = 0.75  # of the side, from one attempt to the next


def photo_jpeg(image: Image, max_side: int, quality: int, most_bytes: int) -> bytes:
    """JPEG file of a photo; it is made smaller until it has few enough bytes.

    Args:
        image: the photo.
        max_side: most pixels of the longer side.
        quality: JPEG quality, 1 to 95.
        most_bytes: most bytes of the file; one pixel's is taken whatever it has.
    """
    side = min(max_side, max(image.size))
    while True:
        content = BytesIO()
        PillowImage.fromarray(image.reduced(side).pixels).save(content, "JPEG", quality=quality)
        if len(content.getvalue()) <= most_bytes or side == 1:
            return content.getvalue()
        side = max(int(side * _SMALLER), 1)
