"""JPEG: the segments that its pixels need for the decoder, and what the others say.

Comments, application segments, garbage between segments and whatever follows the end marker
never reach the decoder, so nothing in them can make a photo unreadable. (ITU-T T.81, annex B.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from model.photos.containers.parts import FileUnsound, LayoutUnsupported, PhotoParts
from model.photos.containers.spliced_file import Stretch, spliced

_START, _END = b"\xff\xd8", b"\xff\xd9"
_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})  # Huffman, arithmetic, quantisation, restarts
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_READ = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # what libjpeg may decode
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_BLOCK = 1 << 20
_MOST_SEGMENTS = 20_000
_LONGEST_OPEN_END = 256 << 20  # bytes in which the end of the pixels is sought


@dataclass(frozen=True)
class OpenEnd:
    """Coded pixels that no marker ends.

    Attributes:
        file: file with the pixels in it.
        head: segments before them.
        data: place of the coded pixels in the file.
        zeros: zero bytes that they end with.
    """

    file: BinaryIO
    head: tuple[bytes, ...]
    data: Stretch
    zeros: int

    def endings(self, cut: int = 0) -> Iterator[BinaryIO]:
        """Files that go on in three ways where these pixels end; they decode alike if and only
        if no pixel is missing.

        Args:
            cut: bytes to leave out at the end of the pixels.
        """
        start, length = self.data
        for filler in (b"", b"\x55", b"\xaa"):
            yield spliced(self.file, [*self.head, Stretch(start, length - cut), filler * 64, _END])


@dataclass(frozen=True)
class JpegParts(PhotoParts):
    """Pixels and metadata of a JPEG.

    Attributes:
        held_bytes_a_pixel: bytes of coefficients held until the last scan is decoded; 0
            for a photo of one scan.
        open_end: coded pixels of a file without an end marker; None for one that has it.
    """

    held_bytes_a_pixel: float = 0.0
    open_end: OpenEnd | None = None


def jpeg_parts(file: BinaryIO) -> JpegParts:
    """Pixels and metadata of a JPEG; the first picture of a file of several.

    Args:
        file: seekable file.

    Raises:
        FileUnsound: the file has no pixels.
        LayoutUnsupported: lossless, hierarchical, of 12 bits, or of an odd number of channels.
    """
    kept: list[bytes] = [_START]
    exif = xmp = frame = None
    profile: dict[int, bytes] = {}
    jfif = adobe = False
    scan = None
    for marker, at, data in _segments(file):
        if marker == _SOS:
            scan = at
            break
        if marker in _TABLES or (marker in _FRAMES and frame is None):
            kept.append(_segment(marker, data))
            if marker in _FRAMES:
                frame = (marker, data)
        elif marker == _APP0 and data.startswith(b"JFIF\0") and not jfif and len(data) >= 14:
            jfif = True
            kept.append(_segment(marker, data[:12] + b"\0\0"))  # without its thumbnail
        elif marker == _APP14 and data.startswith(b"Adobe") and not adobe and len(data) >= 12:
            adobe = True
            kept.append(_segment(marker, data[:12]))
        elif marker == _APP1 and data.startswith(b"Exif\0"):
            exif = exif or data[6:]
        elif marker == _APP1 and data.startswith(_XMP):
            xmp = xmp or data[len(_XMP) :]
        elif marker == _APP2 and data.startswith(_ICC) and len(data) > 14:
            profile.setdefault(data[12], data[14:])
    if frame is None or scan is None:
        raise FileUnsound("it has no pixels")
    _refuse_layout(*frame)
    end, open_end = _find_end(file, scan), None
    if end is None:
        end = file.seek(0, os.SEEK_END)
        open_end = _open_end(file, kept, Stretch(scan, end - scan), frame)
    return JpegParts(
        pixels=spliced(file, [*kept, Stretch(scan, end - scan), _END]),
        exif=exif,
        xmp=xmp,
        icc=b"".join(profile[i] for i in sorted(profile)) or None,
        held_bytes_a_pixel=_held_bytes_a_pixel(file, scan, *frame),
        open_end=open_end,
    )


def _segments(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Marker, place and content of each segment up to the first scan, whose content is left out."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        found = _next_marker(file, at)
        if found is None:
            return
        at, marker = found
        if marker == _EOI:
            return
        if marker == _SOS:
            yield marker, at, b""
            return
        if marker in _ALONE:
            at += 2
            continue
        file.seek(at + 2)
        length = int.from_bytes(file.read(2), "big")
        data = file.read(max(0, length - 2))
        if len(data) == length - 2:
            yield marker, at, data
        at += 2 + max(2, length)


def _next_marker(file: BinaryIO, at: int) -> tuple[int, int] | None:
    """Place and code of the next marker, past whatever is none."""
    while True:
        file.seek(at)
        block = file.read(2)
        if len(block) < 2:
            return None
        if not (block[0] == 0xFF and block[1] not in (0, 0xFF)):
            block += file.read(_BLOCK)
        place = -1
        while (place := block.find(b"\xff", place + 1)) >= 0:
            if place + 1 < len(block) and block[place + 1] not in (0, 0xFF):
                return at + place, block[place + 1]
        at += max(1, len(block) - 1)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _refuse_layout(marker: int, frame: bytes) -> None:
    if len(frame) < 6:
        raise FileUnsound("its frame is cut off")
    precision, height, components = frame[0], int.from_bytes(frame[1:3], "big"), frame[5]
    if marker not in _READ:
        raise LayoutUnsupported("a lossless or hierarchical JPEG")
    if precision != 8:
        raise LayoutUnsupported(f"a JPEG of {precision} bits a sample")
    if components not in (1, 3, 4):
        raise LayoutUnsupported(f"a JPEG of {components} channels")
    if not height:
        raise FileUnsound("it has no pixels")


def _held_bytes_a_pixel(file: BinaryIO, scan: int, marker: int, frame: bytes) -> float:
    file.seek(scan + 4)
    channels_of_scan = file.read(1)
    if marker not in _PROGRESSIVE and channels_of_scan == frame[5:6]:
        return 0.0
    factors = [(byte >> 4, byte & 15) for byte in frame[7::3][: frame[5]]]
    widest = max(1, max(across for across, _ in factors)) if factors else 1
    tallest = max(1, max(down for _, down in factors)) if factors else 1
    return 2.0 * sum(across * down for across, down in factors) / (widest * tallest)


def _find_end(file: BinaryIO, scan: int) -> int | None:
    """Place of the end marker; pixels cannot hold its bytes."""
    file.seek(scan)
    at, last = scan, b""
    while block := file.read(_BLOCK):
        place = (last + block).find(_END)
        if place >= 0:
            return at - len(last) + place
        at, last = at + len(block), block[-1:]
        if at - scan > _LONGEST_OPEN_END:
            raise FileUnsound("its end is missing")
    return None


def _open_end(
    file: BinaryIO, kept: list[bytes], data: Stretch, frame: tuple[int, bytes]
) -> OpenEnd:
    """A file cut off between two scans decodes well, but coarsely or without a colour: refused."""
    file.seek(data.start)
    content = file.read(data.length)
    if not _all_sent(content, frame):
        raise FileUnsound("its end is missing")
    return OpenEnd(file, tuple(kept), data, len(content) - len(content.rstrip(b"\0")))


def _all_sent(data: bytes, frame: tuple[int, bytes]) -> bool:
    """Whether the scans hold every coefficient of every channel to its last bit."""
    marker, content = frame
    channels = [content[6 + 3 * i] for i in range(content[5]) if 6 + 3 * i < len(content)]
    due = {(channel, k) for channel in channels for k in range(64)}
    at = 0
    while (at := data.find(b"\xff\xda", at)) >= 0:
        head = data[at + 4 : at + 4 + 1 + 2 * 4 + 3]
        at += 2
        if not head or not 1 <= head[0] <= 4 or len(head) < 1 + 2 * head[0] + 3:
            continue
        first, last, shifts = head[1 + 2 * head[0] : 4 + 2 * head[0]]
        if marker not in _PROGRESSIVE:
            first, last, shifts = 0, 63, 0
        if shifts & 15 == 0:
            for i in range(head[0]):
                due -= {(head[1 + 2 * i], k) for k in range(first, last + 1)}
    return not due
