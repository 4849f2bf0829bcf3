"""XMP: what a packet or a file beside the photo says of its date and its orientation."""

from __future__ import annotations

import html
import re
from pathlib import Path

from model.photos.dates import Moment, moment

_LARGEST_SIDECAR = 8 << 20  # bytes
# the exposure first, then the picture, then the file
_DATES = ("DateTimeOriginal", "DateCreated", "DateTimeDigitized", "CreateDate")


def xmp_moment(packet: bytes) -> Moment | None:
    """Moment of the exposure that an XMP packet tells; None for none."""
    text = _text(packet)
    for name in _DATES:
        for value in _values(text, name):
            if told := moment(value):
                return told
    return None


def xmp_orientation(packet: bytes) -> int | None:
    """EXIF orientation 1..8 that an XMP packet tells; None for none."""
    for value in _values(_text(packet), "Orientation", "tiff"):
        if value in "12345678" and len(value) == 1:
            return int(value)
    return None


def sidecar(photo: Path) -> bytes | None:
    """XMP file beside a photo: "a.jpg.xmp", else "a.xmp"; None where there is none."""
    for name in (
        photo.name + ".xmp",
        photo.name + ".XMP",
        photo.stem + ".xmp",
        photo.stem + ".XMP",
    ):
        beside = photo.with_name(name)
        try:
            if beside.is_file() and beside.stat().st_size <= _LARGEST_SIDECAR:
                return beside.read_bytes()
        except (OSError, ValueError):
            continue
    return None


def _values(text: str, name: str, prefix: str = r"[A-Za-z][\w.-]*") -> list[str]:
    """Values of a property, written as an attribute or as an element."""
    found = re.findall(rf"""(?<![\w:-])(?:{prefix}):{name}\s*=\s*["']([^"'<>]{{1,80}})["']""", text)
    found += re.findall(rf"<(?:{prefix}):{name}(?:\s[^<>]*)?>\s*([^<>]{{1,80}}?)\s*</", text)
    return [html.unescape(value).strip() for value in found]


def _text(packet: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if packet.startswith(mark):
            return packet.decode(encoding, "replace")
    return packet.decode("utf-8", "replace")
