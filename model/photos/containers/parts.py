"""Parts of a photo file, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

METADATA_BYTES = 16 << 20  # of one piece of metadata; more is not read


class LayoutUnsupported(Exception):
    """A sound file whose pixels are laid out in a way that is not read here."""


class FileUnsound(Exception):
    """A file whose pixels are not all there."""


class MemoryExceeded(Exception):
    """A photo that takes more memory to decode than it may; the message is how much."""

    def __init__(self, needed: float) -> None:
        super().__init__(f"about {needed / 1e9:.1f} GB")


@dataclass(frozen=True)
class PhotoParts:
    """Pixels and metadata of one file.

    Attributes:
        pixels: file of the same format that holds the pixels and what decoding them takes, from
            its beginning on; nothing that is only said about them.
        exif: TIFF structure of the EXIF metadata, without the "Exif\\0\\0" before it.
        xmp: XMP packet.
        icc: colour profile.
        orientation: EXIF orientation 1..8, where the format tells it in a way of its own.
    """

    pixels: BinaryIO
    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    orientation: int | None = None
