"""WebP: the chunks that hold its (first) picture for the decoder, and what the others say."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from model.photos.containers.parts import METADATA_BYTES, PhotoParts
from model.photos.containers.spliced_file import Stretch, spliced

_METADATA = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}
_PICTURE = (b"VP8 ", b"VP8L", b"ANMF")
_BEFORE_IT = (b"VP8X", b"ANIM", b"ALPH")
_ANIMATED, _TRANSPARENT = 0x02, 0x10  # flags of VP8X
_MOST_CHUNKS = 100_000


def webp_parts(file: BinaryIO) -> PhotoParts:
    """Pixels and metadata of a WebP; the first frame of an animation.

    Args:
        file: seekable file. The length that its head claims is not believed.
    """
    pieces: list[bytes | Stretch] = []
    said: dict[str, bytes] = {}
    picture = False
    size, at = file.seek(0, os.SEEK_END), 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        if not kind.strip().isalnum():
            break
        here = min(length, size - at - 8)
        if kind in _METADATA and here <= METADATA_BYTES:
            said.setdefault(_METADATA[kind], file.read(here))
        elif kind == b"VP8X" and here == length >= 10:
            body = file.read(10)
            pieces += [head, bytes([body[0] & (_ANIMATED | _TRANSPARENT)]), body[1:]]
            pieces += [Stretch(at + 18, length - 10), bytes(length & 1)]
        elif not picture and kind in _PICTURE + _BEFORE_IT:
            pieces += [head, Stretch(at + 8, here), bytes(length & 1)]
            picture = kind in _PICTURE
        at += 8 + length + (length & 1)
    length = sum(len(p) if isinstance(p, bytes) else p.length for p in pieces)
    riff = struct.pack("<4sI4s", b"RIFF", 4 + length, b"WEBP")
    exif = said.get("exif")
    return PhotoParts(
        pixels=spliced(file, [riff, *pieces]),
        exif=exif.removeprefix(b"Exif\0\0") if exif else None,
        xmp=said.get("xmp"),
        icc=said.get("icc"),
    )
