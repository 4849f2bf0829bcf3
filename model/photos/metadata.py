"""What a photo file says about itself before any pixel is decoded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, ImageFile
from PIL import Image as PillowImage

from model.photos.orientation import turned_size

_DATE = re.compile(r"\s*(\d{4})\D(\d\d?)\D(\d\d?)\D(\d\d?):(\d\d?)(?::(\d\d?))?")
_LONGEST_TEXT = 120  # characters; damaged EXIF can hold pages


@dataclass(frozen=True)
class PhotoHeader:
    """What the header of a photo tells.

    Attributes:
        format: "JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF" or "HEIF".
        size: (height, width) of the upright photo, pixels.
        orientation: EXIF orientation 1..8 of the pixels as they lie in the file.
        taken_at: local time of the exposure, without time zone.
        camera: make and model.
        latitude: degrees, north positive.
        longitude: degrees, east positive.
        taken_offset: minutes that the local time is ahead of UTC, where the photo tells.
        taken_source: what told the time.
    """

    format: str
    size: tuple[int, int]
    orientation: int
    taken_at: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    taken_offset: int | None = None
    taken_source: str | None = None


def header_of(image: ImageFile.ImageFile, name: str) -> PhotoHeader:
    """The header of an opened picture that is not decoded yet; damaged EXIF counts as none."""
    exif = _exif(image)
    orientation = _orientation(exif)
    size = (image.height, image.width)
    # The TIFF decoder turns its pixels upright itself and gives the size after that.
    if name != "TIFF" or _tiff_orientation(image) < 5:
        size = turned_size(size, orientation)
    details = _ifd(exif, ExifTags.IFD.Exif)
    place = _ifd(exif, ExifTags.IFD.GPSInfo)
    latitude = _degrees(place.get(2), place.get(1), "N", "S", 90)
    longitude = _degrees(place.get(4), place.get(3), "E", "W", 180)
    known = latitude is not None and longitude is not None
    return PhotoHeader(
        format=name,
        size=size,
        orientation=orientation,
        taken_at=_time(details.get(36867)) or _time(details.get(36868)) or _time(exif.get(306)),
        camera=_camera(_text(exif.get(271)), _text(exif.get(272))),
        latitude=latitude if known else None,
        longitude=longitude if known else None,
    )


def _exif(image: ImageFile.ImageFile) -> PillowImage.Exif:
    # PngImageFile.getexif decodes the pixels first; the general one does not.
    try:
        return PillowImage.Image.getexif(image)
    except Exception:  # any damage at all
        return PillowImage.Exif()


def _ifd(exif: PillowImage.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag)
    except Exception:  # any damage at all
        return {}


def _orientation(exif: PillowImage.Exif) -> int:
    value = exif.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _tiff_orientation(image: ImageFile.ImageFile) -> int:
    value = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value.partition("\0")[0])
    return " ".join(printable.split())[:_LONGEST_TEXT].strip()


def _time(value: object) -> datetime | None:
    found = _DATE.match(_text(value))
    if not found:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second)
    except ValueError:  # 0000:00:00 00:00:00 and the like
        return None


def _camera(make: str, model: str) -> str | None:
    """Make and model, the make once: "NIKON CORPORATION", "NIKON D90" is a NIKON D90."""
    if make and model and make.split()[0].casefold() == model.split()[0].casefold():
        return model
    return f"{make} {model}".strip() or None


def _degrees(
    parts: object, side: object, positive: str, negative: str, limit: float
) -> float | None:
    sign = {positive: 1, negative: -1}.get(_text(side).upper()[:1])
    if sign is None or not isinstance(parts, tuple) or not 1 <= len(parts) <= 3:
        return None
    try:
        angle = sum(float(part) / 60**power for power, part in enumerate(parts))
    except (TypeError, ValueError, ArithmeticError):
        return None
    return sign * angle if math.isfinite(angle) and 0 <= angle <= limit else None
