"""Photos as they are used everywhere else: upright, sRGB, 8 bits; read once, refused clearly."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.errors import PhotoChanged, PhotoTooLarge, PhotoUnreadable, PhotoUnsupported
from model.photos.containers.parts import FileUnsound, LayoutUnsupported, MemoryExceeded
from model.photos.decoding import OpenedPhoto, decoded, open_photo
from model.photos.files import Source, photo_file, settled_file
from model.photos.formats import (
    PREFIX_BYTES,
    SUFFIXES,
    UNSUPPORTED_SUFFIXES,
    can_decode,
    photo_format,
)
from model.photos.library_messages import Messages, printed_messages
from model.photos.metadata import PhotoHeader, header_of
from model.photos.orientation import to_raw_frame, to_upright
from model.photos.panoramas import reading_side
from model.photos.refusals import reason, refusals

__all__ = [
    "DEFAULT_MAX_MEGAPIXELS",
    "SUFFIXES",
    "UNSUPPORTED_SUFFIXES",
    "Image",
    "Photo",
    "PhotoHeader",
    "content_hash",
    "read_header",
    "read_image",
    "read_photo",
    "to_raw_frame",
    "to_upright",
]

DEFAULT_MAX_MEGAPIXELS = 200.0
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Image:
    """One photo's pixels.

    Attributes:
        pixels: H×W×3 uint8, upright, sRGB.
        original_size: (height, width) of the upright photo at full size; the same as `size`
            unless the pixels were reduced.

    Raises:
        ValueError: the pixels are not H×W×3 uint8, or there are none.
    """

    pixels: NDArray[np.uint8]
    original_size: tuple[int, int]

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ValueError(f"Image.pixels is {shape} {dtype}, expected H×W×3 uint8")

    def reduced(self, max_side: int) -> Image:
        """This image with its longer side at most `max_side` pixels, area-averaged."""
        fitted = _fitted(self.size, max_side)
        if fitted == self.size:
            return self
        small = PillowImage.fromarray(self.pixels).resize(
            fitted[::-1], PillowImage.Resampling.BOX, reducing_gap=None
        )
        return Image(np.array(small), self.original_size)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pixels."""
        return (self.pixels.shape[0], self.pixels.shape[1])


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo file, read once: all fields tell of the same bytes.

    Attributes:
        header: size, format and metadata that the file tells.
        image: its pixels.
        content_hash: 32 bytes, blake3 of the file.
        file_size: bytes.
        mtime_ns: time of the last change, nanoseconds since 1970; of an object of a store its
            stamp.
    """

    header: PhotoHeader
    image: Image
    content_hash: bytes
    file_size: int
    mtime_ns: int


def read_header(source: Source, max_megapixels: float = DEFAULT_MAX_MEGAPIXELS) -> PhotoHeader:
    """Header of a photo file; no pixel is decoded.

    Args:
        source: a path or URL, or a seekable binary file.
        max_megapixels: photos with more are refused.

    Raises:
        PhotoUnreadable: missing, empty, damaged, or it may not be read.
        PhotoUnsupported: no photo, or of a format that is not read here.
        PhotoTooLarge: the photo has more pixels than that.
    """
    with photo_file(source, whole=False) as (file, name), refusals(name):
        return _header(file, name, source, max_megapixels)[1]


def read_image(
    source: Source,
    *,
    max_side: int | None = None,
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
    of_size: tuple[int, int] | None = None,
    finer_panoramas: bool = False,
) -> Image:
    """The pixels of a photo: upright, sRGB, first frame, transparency on white.

    Args:
        source: a path or URL, or a seekable binary file.
        max_side: the longer side of the result has at most so many pixels; None: full size.
        max_megapixels: photos with more are refused before they are decoded.
        of_size: (height, width) that the upright photo is known to have; None: not known.

        finer_panoramas: whether of a photo that is looked at in pieces (`model.photos.panoramas`)
            it is each piece whose longer side has at most `max_side` pixels.

    Raises:
        ValueError: max_side is not positive.
        PhotoChanged: the photo has another size than that; nothing was decoded.
        PhotoUnreadable: missing, truncated, empty, damaged, or it may not be read.
        PhotoUnsupported: no photo, or of a format that is not read here.
        PhotoTooLarge: the photo has more pixels than that, or than the memory holds.
    """
    _check_side(max_side)
    with photo_file(source) as (file, name), refusals(name):
        return _decoded(
            file, name, source, max_side, max_megapixels, of_size, finer=finer_panoramas
        )[1]


def read_photo(
    path: str | os.PathLike[str],
    *,
    max_side: int | None = None,
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
    finer_panoramas: bool = False,
) -> Photo:
    """Header, pixels and hash of one file, opened once, and all of the same bytes.

    Args:
        path: path or URL of the file.
        max_side: the longer side of the image has at most so many pixels; None: full size.
        max_megapixels: photos with more are refused before they are decoded.
        finer_panoramas: argument of `read_image`.

    Raises:
        ValueError: max_side is not positive.
        PhotoChanged: the file changed or vanished before it was read to the end.
        PhotoUnreadable: truncated, empty, damaged, or it may not be read.
        PhotoUnsupported: no photo, or of a format that is not read here.
        PhotoTooLarge: the photo has more pixels than that, or than the memory holds.
    """
    _check_side(max_side)
    with settled_file(path) as (file, name, state), refusals(name):
        header, image = _decoded(file, name, path, max_side, max_megapixels, finer=finer_panoramas)
        digest = _digest(file)
    return Photo(header, image, digest, state.size, state.mtime_ns)


def content_hash(source: Source) -> bytes:
    """The 32-byte blake3 digest of a file, by which a photo is known wherever it lies.

    Args:
        source: a path or URL, or a seekable binary file.

    Raises:
        PhotoUnreadable: missing, no ordinary file, or it may not be read.
    """
    with photo_file(source) as (file, name), refusals(name):
        return _digest(file)


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    digest = blake3()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.digest()


def _check_side(max_side: int | None) -> None:
    if max_side is not None and max_side < 1:
        raise ValueError(f"max_side is {max_side}, expected a positive number of pixels")


def _header(
    file: BinaryIO, name: str, source: Source, max_megapixels: float
) -> tuple[OpenedPhoto, PhotoHeader]:
    file.seek(0)
    prefix = file.read(PREFIX_BYTES)
    if not prefix:
        raise PhotoUnreadable(f"{name} is empty")
    kind = photo_format(prefix, name)
    if kind is None:
        raise PhotoUnsupported(f"{name} holds no photo of a format that is read here")
    if not can_decode(kind):
        called, extra = ("RAW", "raw") if kind == "RAW" else ("HEIC", "heic")
        raise PhotoUnsupported(f"{name} is a {called} photo", f"install segsearch[{extra}]")
    photo = open_photo(file, kind)
    megapixels = photo.size[0] * photo.size[1] / 1e6
    if megapixels > max_megapixels:
        raise PhotoTooLarge(
            f"{name} has {megapixels:.1f} megapixels, more than {max_megapixels:g}",
            "raise `max_megapixels` to read it",
        )
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    return photo, header_of(photo.parts, photo.size, kind, path)


def _decoded(
    file: BinaryIO,
    name: str,
    source: Source,
    max_side: int | None,
    max_megapixels: float,
    of_size: tuple[int, int] | None = None,
    *,
    finer: bool = False,
) -> tuple[PhotoHeader, Image]:
    photo, header = _header(file, name, source, max_megapixels)
    if of_size is not None and header.size != of_size:
        raise PhotoChanged(
            f"{name} is {header.size[1]}×{header.size[0]} pixels now, the index knows"
            f" {of_size[1]}×{of_size[0]}",
            "index its folder again",
        )
    if finer and max_side is not None:
        max_side = reading_side(header.size, max_side)
    upright = _fitted(header.size, max_side)
    messages = Messages()
    try:
        # libtiff and LibRaw print
        with printed_messages(messages) if photo.kind in ("TIFF", "RAW") else nullcontext():
            pixels = decoded(photo, header.orientation, upright, max_megapixels)
    except (LayoutUnsupported, MemoryExceeded, MemoryError, PillowImage.DecompressionBombError):
        raise
    except Exception as error:
        if messages.first and getattr(error, "errno", None) is None:
            raise FileUnsound(f"{reason(error)}; {messages.first}") from error
        raise
    return header, Image(pixels, header.size)


def _fitted(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """(height, width) of a photo whose longer side has at most so many pixels."""
    longest = max(size)
    if max_side is None or longest <= max_side:
        return size
    height, width = (max(1, round(side * max_side / longest)) for side in size)
    return height, width
