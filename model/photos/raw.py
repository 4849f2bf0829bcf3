"""RAW photos of cameras: the JPEG that the camera put into the file, or else its samples, by rawpy.

What LibRaw says of a file is believed for its size and orientation only; both are checked before
anything is unpacked.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.photos.colour_management import flattened, managed
from model.photos.containers.parts import (
    FileUnsound,
    LayoutUnsupported,
    MemoryExceeded,
    PhotoParts,
)
from model.photos.containers.tiff import is_cut_short
from model.photos.formats import opened
from model.photos.orientation import to_upright, turned_size

if TYPE_CHECKING:
    from rawpy import RawPy

_EXIF_BYTES = 4 << 20  # where cameras keep what they say of the photo
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's turns as EXIF has them
_WHOLE, _HALF = 13.0, 5.0  # bytes a pixel that LibRaw takes for the photo, or half its size
_ALIKE = 0.02  # part of a side by which a preview may be narrower than the photo
_LARGE_ENOUGH = 0.9  # of the wanted side: cameras leave out some pixels at the border


@dataclass(frozen=True)
class RawParts(PhotoParts):
    """Pixels and metadata of a RAW photo.

    Attributes:
        raw: file as LibRaw opened it; nothing is unpacked.
        size: (width, height) of the pixels as they lie in the file.
    """

    raw: RawPy | None = None
    size: tuple[int, int] = (0, 0)


def raw_parts(file: BinaryIO) -> RawParts:
    """Pixels and metadata of a RAW photo, which is read whole, but not unpacked.

    Args:
        file: seekable file.

    Raises:
        LayoutUnsupported: LibRaw does not know the camera's format.
        FileUnsound: the file is cut short, or there are no pixels.
        Exception: the other errors of LibRaw; their kinds are beyond counting.
    """
    import rawpy

    file.seek(0)
    head = file.read(_EXIF_BYTES)
    is_tiff = head[:4] in (b"II*\0", b"MM\0*")
    if is_tiff and is_cut_short(file):
        raise FileUnsound("its end is missing")
    file.seek(0)
    try:
        raw = rawpy.imread(file)
    except rawpy.LibRawFileUnsupportedError as error:
        raise LayoutUnsupported("a camera's format that is not known") from error
    width, height = raw.sizes.width, raw.sizes.height
    if not (width and height):
        raise FileUnsound("it has no pixels")
    exif = head if is_tiff else _exif_of_preview(raw)
    orientation = _ORIENTATIONS.get(raw.sizes.flip, 1)
    return RawParts(file, exif, orientation=orientation, raw=raw, size=(width, height))


def raw_pixels(
    parts: RawParts, orientation: int, upright: tuple[int, int], most_bytes: float
) -> NDArray[np.uint8]:
    """Pixels of a RAW photo: of its preview, where that is large enough, else of its samples.

    Args:
        parts: opened photo; it is used up.
        orientation: EXIF orientation 1..8 of the pixels as they lie in the file.
        upright: (height, width) of the result.
        most_bytes: memory that it may take.

    Returns:
        H×W×3 uint8, upright, sRGB.

    Raises:
        MemoryExceeded: the photo takes more memory than that.
        Exception: whatever the decoders find wrong.
    """
    raw = parts.raw
    assert raw is not None
    height, width = turned_size(upright, orientation)
    with raw:
        picture = _preview(raw, parts.size, (width, height))
        if picture is None:
            is_half = 2 * max(width, height) <= max(parts.size)
            needed = parts.size[0] * parts.size[1] * (_HALF if is_half else _WHOLE)
            if needed > most_bytes:
                raise MemoryExceeded(needed)
            samples = raw.postprocess(
                half_size=is_half, use_camera_wb=True, output_bps=8, user_flip=0
            )
            picture = PillowImage.fromarray(samples)
        small = picture.resize((width, height), PillowImage.Resampling.LANCZOS, reducing_gap=None)
    return np.array(to_upright(np.asarray(small), orientation), order="C")


def _preview(
    raw: RawPy, size: tuple[int, int], wanted: tuple[int, int]
) -> PillowImage.Image | None:
    """The camera's own JPEG, as its pixels lie in the file; None where there is none that is large
    enough and shows the same part.

    Args:
        raw: opened file.
        size: (width, height) of the photo.
        wanted: (width, height) of the result.
    """
    jpeg = _preview_file(raw)
    if jpeg is None:
        return None
    with opened(io.BytesIO(jpeg), "JPEG") as picture:
        (width, height), (whole_width, whole_height) = picture.size, size
        alike = abs(width * whole_height - height * whole_width) <= _ALIKE * width * whole_height
        too_large = width * height > 1.1 * whole_width * whole_height
        if not alike or too_large or max(picture.size) < _LARGE_ENOUGH * max(wanted):
            return None
        picture.draft(picture.mode, wanted)
        picture.load()
        return managed(flattened(picture), picture.info.get("icc_profile"))


def _preview_file(raw: RawPy) -> bytes | None:
    """The camera's JPEG; None where there is none."""
    import rawpy

    try:
        found = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    is_jpeg = found.format == rawpy.ThumbFormat.JPEG
    return found.data if is_jpeg and isinstance(found.data, bytes) else None


def _exif_of_preview(raw: RawPy) -> bytes | None:
    """EXIF of the camera's JPEG, for formats that keep their own in other ways."""
    jpeg = _preview_file(raw)
    if jpeg is None:
        return None
    with opened(io.BytesIO(jpeg), "JPEG") as picture:
        exif = picture.info.get("exif")
    return exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else None
