"""PNG: its critical chunks for the decoder, and what the ancillary ones say.

A checksum that is wrong, a text of any length, a chunk that nobody knows: none of it is a reason
not to show the pixels, so none of it reaches the decoder. (PNG, third edition, sections 5 and 11.)
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

from model.photos.containers.parts import METADATA_BYTES, PhotoParts
from model.photos.containers.spliced_file import Stretch, spliced

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
_XMP = b"XML:com.adobe.xmp"
_MOST_CHUNKS = 1_000_000


def png_parts(file: BinaryIO) -> PhotoParts:
    """Pixels and metadata of a PNG; an animation's still picture.

    Args:
        file: seekable file.
    """
    pieces: list[bytes | Stretch] = [_SIGNATURE]
    exif = xmp = icc = None
    size, at = file.seek(0, os.SEEK_END), len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND" or not kind.isalpha():
            break
        here = min(length, size - at - 8)
        if kind == b"IDAT" and here < length:
            # cut off in its middle: what is there may yet be all the pixels
            pieces += [struct.pack(">I4s", here, kind), Stretch(at + 8, here), bytes(4)]
        elif kind in (b"IHDR", b"PLTE", b"IDAT") or (kind == b"tRNS" and _sound(file, head)):
            pieces.append(Stretch(at, 12 + length))
        elif here <= METADATA_BYTES and kind in (b"eXIf", b"iCCP", b"iTXt", b"zTXt", b"tEXt"):
            file.seek(at + 8)
            data = file.read(here)
            if kind == b"eXIf":
                exif = exif or data.removeprefix(b"Exif\0\0")
            elif kind == b"iCCP":
                icc = icc or _inflated(data.partition(b"\0")[2][1:])
            else:
                key, text = _text(kind, data)
                if key == _XMP:
                    xmp = xmp or text
                elif key == b"Raw profile type exif":  # as ImageMagick writes it
                    exif = exif or _hexadecimal(text)
        at += 12 + length
    return PhotoParts(spliced(file, [*pieces, _END]), exif, xmp, icc)


def _sound(file: BinaryIO, head: bytes) -> bool:
    """Whether the chunk whose head was just read, of at most 256 bytes, has its checksum."""
    (length,) = struct.unpack(">I", head[:4])
    if length > 256:
        return False
    data = file.read(length)
    return file.read(4) == zlib.crc32(head[4:] + data).to_bytes(4, "big")


def _text(kind: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Keyword and text of a chunk of text."""
    key, _, text = data.partition(b"\0")
    if key not in (_XMP, b"Raw profile type exif"):
        return key, b""
    if kind == b"zTXt":
        return key, _inflated(text[1:])
    if kind == b"iTXt":
        packed, text = text[:1] == b"\1", text[2:]
        text = text.partition(b"\0")[2].partition(b"\0")[2]  # after language and translated keyword
        return key, _inflated(text) if packed else text
    return key, text


def _inflated(data: bytes) -> bytes:
    """Beginning of a compressed text, as much as can be had up to a limit."""
    try:
        return zlib.decompressobj().decompress(data, METADATA_BYTES)
    except zlib.error:
        return b""


def _hexadecimal(text: bytes) -> bytes | None:
    try:
        digits = b"".join(text.split()[2:])  # after the profile's name and length
        return bytes.fromhex(digits.decode("ascii")).removeprefix(b"Exif\0\0")
    except ValueError:
        return None
