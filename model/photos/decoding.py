"""Decoding: one photo file opened, its header known, its pixels to be had a band at a time.

Whatever the format, a band is a few rows of the picture as it lies in the file, without
transparency, palette or deep samples. What is made of bands never holds a whole photo twice.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageFile

from model.photos.colour_management import flattened, managed
from model.photos.containers.jpeg import JpegParts, OpenEnd, jpeg_parts
from model.photos.containers.parts import FileUnsound, MemoryExceeded, PhotoParts
from model.photos.containers.png import png_parts
from model.photos.containers.tiff import TiffParts, tiff_parts
from model.photos.containers.webp import webp_parts
from model.photos.formats import opened
from model.photos.orientation import to_raw_frame, to_upright, turned_size
from model.photos.tiff_samples import TiffSamples, needs_own_reading

# Cheap reduction (a JPEG's own, or by averaging) stops at so many times the size that is wanted.
# At 2, 12 megapixels (4032) would be decoded whole for a side of 1024.
_MARGIN = 1.9
_BAND_PIXELS = 1 << 21
_LONGEST_FILE = 512 << 20  # bytes that a decoder may be given which reads its file whole
# Bytes that decoding takes for every pixel, where Pillow's own picture is not all of it: libwebp
# draws on two canvases of RGBA and hands out a third; libavif and libheif hold planes and a copy.
_BYTES_A_PIXEL = {"WEBP": 16.0, "AVIF": 11.0, "HEIF": 11.0, "GIF": 5.0}
_MEMORY_A_MEGAPIXEL = 6e6  # bytes that a limit of one megapixel allows …
_LEAST_MEGAPIXELS = 200.0  # … and any lower limit as many as this one


class _Raster(Protocol):
    """Picture that can be looked at a few rows at a time; `size` is (width, height)."""

    size: tuple[int, int]

    def band(self, top: int, bottom: int) -> PillowImage.Image: ...


@dataclass(frozen=True)
class OpenedPhoto:
    """One photo file with its header read and none of its pixels.

    Attributes:
        kind: format, as "JPEG".
        parts: its pixels and metadata.
        picture: photo opened by Pillow; None for one that is read without Pillow.
        size: (width, height) as the pixels lie in the file.
    """

    kind: str
    parts: PhotoParts
    picture: ImageFile.ImageFile | None
    size: tuple[int, int]


def open_photo(file: BinaryIO, kind: str) -> OpenedPhoto:
    """Open a photo file of a known format.

    Args:
        file: seekable file; it must stay open while the photo is used.
        kind: format, as `photo_format` tells it.

    Raises:
        LayoutUnsupported: its pixels are laid out in a way that is not read here.
        FileUnsound: its pixels are not all there.
        Exception: whatever a decoder finds wrong; its kinds are beyond counting.
    """
    if kind == "RAW":
        return _opened_raw(file)
    parts = _parts(file, kind)
    if isinstance(parts, TiffParts):
        width, height = (_measure(parts.tags, tag) for tag in (256, 257))
        return OpenedPhoto(kind, parts, _opened_tiff(parts), (width, height))
    picture = opened(parts.pixels, kind)
    if kind in ("JPEG", "PNG", "WEBP"):
        return OpenedPhoto(kind, parts, picture, picture.size)
    info = picture.info
    parts = PhotoParts(
        parts.pixels, _exif_of(info), info.get("xmp") or None, info.get("icc_profile") or None
    )
    return OpenedPhoto(kind, parts, picture, picture.size)


def decoded(
    photo: OpenedPhoto, orientation: int, upright: tuple[int, int], most_megapixels: float
) -> NDArray[np.uint8]:
    """Pixels of an opened photo.

    Args:
        photo: opened photo; it is used up.
        orientation: EXIF orientation 1..8 of the pixels as they lie in the file.
        upright: (height, width) of the result.
        most_megapixels: photos that take more memory than one of so many pixels are refused.

    Returns:
        H×W×3 uint8, upright, sRGB.

    Raises:
        MemoryExceeded: the photo takes more memory than that.
        LayoutUnsupported, FileUnsound, Exception: the cases of `open_photo`.
    """
    width, height = reversed(turned_size(upright, orientation))
    most_bytes = max(most_megapixels, _LEAST_MEGAPIXELS) * _MEMORY_A_MEGAPIXEL
    picture, parts = photo.picture, photo.parts
    if photo.kind == "RAW":
        from model.photos.raw import RawParts, raw_pixels

        assert isinstance(parts, RawParts)
        return raw_pixels(parts, orientation, upright, most_bytes)
    if picture is None:
        raster: _Raster = TiffSamples(parts.pixels, getattr(parts, "tags", {}), most_bytes)
        return _laid_out(raster, None, (width, height), orientation, parts.icc)
    with picture:
        box = None
        if photo.kind == "JPEG" and (width, height) != photo.size:
            wanted = (math.ceil(_MARGIN * width), math.ceil(_MARGIN * height))
            draft = picture.draft(picture.mode, wanted)
            box = draft[1] if draft else None
        needed = _memory(photo)
        if needed > most_bytes:
            raise MemoryExceeded(needed)
        if isinstance(parts, JpegParts) and parts.open_end and not _all_there(parts.open_end):
            raise FileUnsound("its end is missing")
        picture.load()
        # Pillow turns a TIFF upright by itself.
        turned = 1 if photo.kind == "TIFF" else orientation
        target = upright[::-1] if photo.kind == "TIFF" else (width, height)
        return _laid_out(_PillowRaster(picture), box, target, turned, parts.icc)


def _opened_raw(file: BinaryIO) -> OpenedPhoto:
    from model.photos.raw import raw_parts  # which needs an extra

    _refuse_longer(PhotoParts(file))
    parts = raw_parts(file)
    return OpenedPhoto("RAW", parts, None, parts.size)


def _parts(file: BinaryIO, kind: str) -> PhotoParts:
    if kind == "JPEG":
        return jpeg_parts(file)
    if kind == "PNG":
        return png_parts(file)
    if kind == "WEBP":
        return _refuse_longer(webp_parts(file))
    if kind == "TIFF":
        return tiff_parts(file)
    parts = PhotoParts(file)
    return _refuse_longer(parts) if kind in ("AVIF", "HEIF") else parts


def _refuse_longer(parts: PhotoParts) -> PhotoParts:
    # these decoders read their files whole
    size = parts.pixels.seek(0, os.SEEK_END)
    if size > _LONGEST_FILE:
        raise MemoryExceeded(size)
    return parts


def _opened_tiff(parts: TiffParts) -> ImageFile.ImageFile | None:
    """Image that Pillow makes of a TIFF; None for one that it reads wrongly or not at all."""
    if needs_own_reading(parts.tags):
        return None
    try:
        return opened(parts.pixels, "TIFF")
    except SyntaxError as error:
        if str(error) in ("unknown pixel mode", "unknown data organization"):
            return None
        raise


def _measure(tags: Mapping[int, Any], tag: int) -> int:
    value = tags.get(tag)
    if not isinstance(value, int) or value < 1:
        raise FileUnsound("it has no pixels")
    return value


def _exif_of(info: Mapping[Any, Any]) -> bytes | None:
    exif = info.get("exif")
    return exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else None


def _memory(photo: OpenedPhoto) -> float:
    """Bytes that decoding the pixels takes, about."""
    picture = photo.picture
    assert picture is not None
    pixels = picture.width * picture.height
    if photo.kind in _BYTES_A_PIXEL:
        return pixels * _BYTES_A_PIXEL[photo.kind]
    bytes_a_pixel = {"1": 1, "L": 1, "P": 1}.get(picture.mode, 2 if "16" in picture.mode else 4)
    held = float(pixels * bytes_a_pixel)
    if isinstance(photo.parts, JpegParts):
        held += photo.size[0] * photo.size[1] * photo.parts.held_bytes_a_pixel
    return held


def _all_there(open_end: OpenEnd) -> bool:
    """Whether pixels that no marker ends are all there: then it is of no matter what follows.

    Zeros at the end may be what a download laid out and never filled; only if just as many are
    there as the pixels take do they belong to them.
    """
    if open_end.zeros < 16:
        return _alike(open_end, 0)
    return _alike(open_end, open_end.zeros) or (_alike(open_end, 0) and not _alike(open_end, 8))


def _alike(open_end: OpenEnd, cut: int) -> bool:
    found = set()
    for ending in open_end.endings(cut):
        with opened(ending, "JPEG") as picture:
            picture.load()
            found.add(blake3(picture.tobytes()).digest())
        if len(found) > 1:
            return False
    return True


class _PillowRaster:
    def __init__(self, picture: ImageFile.ImageFile) -> None:
        self._picture, self.size = picture, picture.size

    def band(self, top: int, bottom: int) -> PillowImage.Image:
        width, height = self.size
        if (top, bottom) == (0, height):
            return self._picture
        return self._picture.crop((0, top, width, bottom))


def _laid_out(
    raster: _Raster,
    box: tuple[float, float, float, float] | None,
    size: tuple[int, int],
    orientation: int,
    profile: bytes | None,
) -> NDArray[np.uint8]:
    """Upright pixels of a picture that is reduced to `size`, (width, height).

    Args:
        box: part of the raster that is the photo; None: all of it.
    """
    width, height = raster.size
    left, top, right, bottom = box or (0, 0, width, height)
    across = max(1, int((right - left) / size[0] / _MARGIN))
    down = max(1, int((bottom - top) / size[1] / _MARGIN))
    rows = max(1, _BAND_PIXELS // (width * down)) * down
    if raster.size == size:
        upright = np.empty((*turned_size(size[::-1], orientation), 3), np.uint8)
        in_file = to_raw_frame(upright, orientation)
        for start in range(0, height, rows):
            part = flattened(raster.band(start, min(height, start + rows)))
            in_file[start : start + rows] = np.asarray(managed(part, profile))
        return upright
    reduced: PillowImage.Image | None = None
    for start in range(0, height, rows):
        part = flattened(raster.band(start, min(height, start + rows)))
        if (across, down) != (1, 1):
            part = part.reduce((across, down))
        if rows >= height:
            reduced = part
            break
        if reduced is None:
            reduced = PillowImage.new(part.mode, (part.width, -(-height // down)))
        reduced.paste(part, (0, start // down))
    assert reduced is not None
    within = (left / across, top / down, right / across, bottom / down)
    small = reduced.resize(size, PillowImage.Resampling.LANCZOS, box=within)
    pixels = to_upright(np.asarray(managed(small, profile)), orientation)
    return np.array(pixels, order="C")
