"""The photo formats that are read, told by a file's first bytes and opened without surprises.

Pillow's `Image.open` tries every decoder it has and checks sizes by a process-wide setting. Here
only the photo decoders are tried, the one that the content names, and nothing global is changed
for longer than a call.
"""

from __future__ import annotations

import importlib.util
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

_READ = "jpg jpeg jpe jfif png webp avif tif tiff bmp gif"
_HEIC = "heic heif"
_RAW = (
    "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef ptx raf raw rw2 rwl"
    " sr2 srf srw x3f"
)
_DRAWN = "ai eps svg svgz emf wmf psd psb xcf"
_OTHER = "cur dds exr hdr icns ico j2k jp2 jxl jxr pbm pcx pgm pnm ppm qoi tga"
_MOVING = "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts webm wmv"

_has_heif = importlib.util.find_spec("pillow_heif") is not None


def _suffixes(*lists: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for words in lists for suffix in words.split())


SUFFIXES = _suffixes(_READ, _HEIC if _has_heif else "")
UNSUPPORTED_SUFFIXES = _suffixes(_RAW, _DRAWN, _OTHER, _MOVING, "" if _has_heif else _HEIC)

PREFIX_BYTES = 64  # as many as `photo_format` wants to see

_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_DECODERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # of a multi-picture file it reads the first one
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


def photo_format(prefix: bytes) -> str | None:
    """The format ("JPEG", "PNG" …) of a file that begins with these bytes; None: no photo."""
    for magic, name in _MAGIC.items():
        if prefix.startswith(magic):
            return name
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WEBP"
    if prefix[4:8] == b"ftyp":
        # The brand mif1 says only "a still picture"; the compatible brands tell the codec.
        brands = [prefix[8:12], *(prefix[i : i + 4] for i in range(16, len(prefix), 4))]
        for brand in brands:
            if brand in _AVIF_BRANDS:
                return "AVIF"
            if brand in _HEIF_BRANDS:
                return "HEIF"
    return None


def can_decode(name: str) -> bool:
    """Whether a format that `photo_format` knows can be read in this installation."""
    return name != "HEIF" or _has_heif


def opened(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    """A file of format `name` with its header read and none of its pixels.

    Raises:
        Exception: whatever the decoder finds wrong; its kinds are beyond counting.
    """
    file.seek(0)
    if name == "HEIF":
        from pillow_heif.as_plugin import HeifImageFile

        picture: ImageFile.ImageFile = HeifImageFile(file)
        return picture
    image = _DECODERS[name](file)
    if name == "PNG" and "exif" not in image.info:
        here = file.tell()
        exif = _late_exif(file)
        file.seek(here)
        if exif:
            image.info["exif"] = exif
    return image


def _late_exif(file: BinaryIO) -> bytes | None:
    """The EXIF of a PNG that keeps it after its pixels, where Pillow sees it only on decoding."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return file.read(length)
        if kind == b"IEND":
            break
        file.seek(length + 4, 1)
    return None


_quiet_lock = threading.Lock()
_quiet_count = 0
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\.|pillow_heif\."), 0)


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """The decoders' warnings (odd EXIF, many pixels …) are not shown meanwhile, in any thread.

    `warnings.catch_warnings` swaps the process's filters and, with several threads, can leave
    the wrong ones behind; here the first to enter adds one filter and the last removes it.
    """
    global _quiet_count
    filters = cast("list[object]", warnings.filters)
    with _quiet_lock:
        if not _quiet_count:
            filters.insert(0, _QUIET)
        _quiet_count += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_count -= 1
            filters = cast("list[object]", warnings.filters)
            if not _quiet_count and _QUIET in filters:
                filters.remove(_QUIET)
