"""The photo formats that are read, told by a file's first bytes and opened without surprises.

Pillow's `Image.open` tries every decoder it has and checks sizes by a process-wide setting. Here
only the photo decoders are tried, the one that the content names, and nothing global is changed
for longer than a call.
"""

from __future__ import annotations

import importlib.util
import logging
import re
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

# Suffixes only choose what is opened; what a file is, its first bytes tell.
_READ = (
    "jpg jpeg jpe jfif jif jfi pjpeg pjpg pjp mpo jps insp png apng pns webp avif avifs tif tiff"
    " ptif btf tf8 bmp dib gif"
)
_HEIC = "heic heics heif heifs hif"
_RAW = (
    "3fr ari arw bay cr2 cr3 crw dcr dcs dng drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw"
    " nef nrw orf ori pef ptx pxn raf raw rdc rw2 rwl rwz sr2 srf srw sti x3f"
)
_DRAWN = (
    "afdesign afphoto ai cdr clip cpt emf eps kra mdp ora pdn psb psd psp pspimage pxd sketch svg"
    " svgz wmf xcf"
)
_OTHER = (
    "astc avci avcs bpg bw cin cur dcm dds dicom djv djvu dpx exr fits flif fpx fts hdp hdr icb"
    " icns ico iff ilbm j2c j2k jls jng jp2 jpc jpf jpg2 jpm jpx jxl jxr ktx ktx2 lbm mj2 mng msp"
    " pam pbm pcd pcx pfm pgm pict pnm ppm qoi ras rgb rgba sgi tga thm vda vst wbmp wdp xbm xpm"
    " xwd"
)
_MOVING = (
    "360 3g2 3gp amv asf avi divx dv f4v flv hevc insv lrv m2t m2ts m2v m4v mjpeg mjpg mkv mov mp4"
    " braw mpe mpeg mpg mts mxf ogm ogv qt r3d rm rmvb vob webm wmv"
)

_has_heif = importlib.util.find_spec("pillow_heif") is not None
_has_raw = importlib.util.find_spec("rawpy") is not None


def _suffixes(*lists: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for words in lists for suffix in words.split())


SUFFIXES = _suffixes(_READ, _HEIC if _has_heif else "", _RAW if _has_raw else "")
UNSUPPORTED_SUFFIXES = _suffixes(
    _DRAWN, _OTHER, _MOVING, "" if _has_heif else _HEIC, "" if _has_raw else _RAW
)
_RAW_SUFFIXES = _suffixes(_RAW)
_KIN = re.compile(r"(\.[a-z0-9]+?)[^a-z0-9].*", re.DOTALL)


def is_unread_picture(suffix: str) -> bool:
    """Whether files of a suffix (lower-case, with its dot) are pictures or films, but not read.

    So are those that a program keeps or fetches under a longer one: ".jpg_original", ".png~".
    """
    kin = _KIN.fullmatch(suffix)
    return suffix in UNSUPPORTED_SUFFIXES or (
        kin is not None and (kin[1] in SUFFIXES or kin[1] in UNSUPPORTED_SUFFIXES)
    )


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
_RAW_BRANDS = frozenset({b"crx "})
_RAW_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
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


def photo_format(prefix: bytes, name: str = "") -> str | None:
    """The format ("JPEG", "PNG" …) of a file that begins with these bytes; None: no photo.

    Args:
        prefix: first bytes of the file.
        name: name of the file. Most cameras lay out their RAW files as TIFFs, which begin alike.
    """
    if prefix.startswith(_RAW_MAGIC) or prefix[6:14] == b"HEAPCCDR":
        return "RAW"
    is_tiff = prefix[:4] in (b"II*\0", b"MM\0*")
    if is_tiff and (prefix[8:10] == b"CR" or _suffix_of(name) in _RAW_SUFFIXES):
        return "RAW"
    for magic, name in _MAGIC.items():
        if prefix.startswith(magic):
            return name
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WEBP"
    if prefix[4:8] == b"ftyp":
        # The brand mif1 says only "a still picture"; the compatible brands tell the codec.
        brands = [prefix[8:12], *(prefix[i : i + 4] for i in range(16, len(prefix), 4))]
        for brand in brands:
            if brand in _RAW_BRANDS:
                return "RAW"
            if brand in _AVIF_BRANDS:
                return "AVIF"
            if brand in _HEIF_BRANDS:
                return "HEIF"
    return None


def can_decode(name: str) -> bool:
    """Whether a format that `photo_format` knows can be read in this installation."""
    return {"HEIF": _has_heif, "RAW": _has_raw}.get(name, True)


def _suffix_of(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""


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
    return _DECODERS[name](file)


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
            for name in ("PIL", "tifffile"):  # what they log goes to handlers, not to the terminal
                if not (logger := logging.getLogger(name)).handlers:
                    logger.addHandler(logging.NullHandler())
        _quiet_count += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_count -= 1
            filters = cast("list[object]", warnings.filters)
            if not _quiet_count and _QUIET in filters:
                filters.remove(_QUIET)
