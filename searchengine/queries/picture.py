"""Picture: pixels in memory as the question, of Pillow or as an array."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.photos.images import Image, read_image

Picture = PillowImage.Image | NDArray[np.uint8]
"""A Pillow image, or H×W×3 (RGB) or H×W (grey) uint8."""

NAME = "a picture"
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})  # what PNG holds


def image_of_picture(picture: Picture, max_side: int) -> Image:
    """The pixels as a photo of them would be read: upright, sRGB, transparency on white.

    Args:
        picture: the pixels.
        max_side: the longer side of the result has at most so many pixels.

    Raises:
        TypeError: an array is not of the shape and type of pixels.
        PhotoError: there are no pixels, or too many.
    """
    if isinstance(picture, np.ndarray):
        if (
            picture.dtype != np.uint8
            or picture.ndim not in (2, 3)
            or picture.shape[2:]
            not in (
                (),
                (3,),
            )
        ):
            raise TypeError(
                f"the array is {picture.shape} {picture.dtype}, expected H×W×3 or H×W uint8"
            )
        picture = PillowImage.fromarray(np.ascontiguousarray(picture))
    exif = picture.getexif()
    if picture.mode not in _MODES:
        picture = picture.convert("RGB")
    file = BytesIO()
    picture.save(file, "PNG", exif=exif, compress_level=1)  # read as files are, colours and all
    return read_image(file, max_side=max_side, finer_panoramas=True)
