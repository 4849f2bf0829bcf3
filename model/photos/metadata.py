"""Metadata of a photo file, read before any pixel is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from PIL import ExifTags
from PIL import Image as PillowImage

from model.photos.containers.parts import PhotoParts
from model.photos.containers.tiff import TiffParts
from model.photos.dates import Moment, moment, moment_in_name, utc_offset
from model.photos.orientation import turned_size
from model.photos.xmp import sidecar, xmp_moment, xmp_orientation
from model.stores.urls import is_url, name_of

_LONGEST_TEXT = 120  # characters; damaged EXIF can hold pages
# the date of the exposure, of the digitising, of the file; each with its offset from UTC
_DATES = ((36867, 36881), (36868, 36882), (306, 36880))

DateSource = Literal["exif", "xmp", "sidecar", "name"]


@dataclass(frozen=True)
class PhotoHeader:
    """Facts that the header of a photo tells.

    Attributes:
        format: "JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "HEIF" or "RAW".
        size: (height, width) of the upright photo, pixels.
        orientation: EXIF orientation 1..8 of the pixels as they lie in the file.
        taken_at: local time of the exposure, without time zone.
        camera: make and model.
        latitude: degrees, north positive.
        longitude: degrees, east positive.
        taken_offset: minutes that the local time is ahead of UTC, where the photo tells.
        taken_source: source of the time: EXIF, else XMP in the file, else an XMP file beside it,
            else the file's name.
    """

    format: str
    size: tuple[int, int]
    orientation: int
    taken_at: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    taken_offset: int | None = None
    taken_source: DateSource | None = None


def header_of(
    parts: PhotoParts, size: tuple[int, int], name: str, path: str | None = None
) -> PhotoHeader:
    """Header of a photo that is not decoded yet; damaged metadata counts as none.

    Args:
        parts: pixels and metadata of the file.
        size: (width, height) of the pixels as they lie in the file.
        name: format, as "JPEG".
        path: path, whose name and neighbours may tell the date, or URL, whose name may; None for
            a stream.
    """
    exif, details, place = _metadata(parts)
    orientation = _orientation(exif, parts)
    latitude = _degrees(place.get(2), place.get(1), "N", "S", 90)
    longitude = _degrees(place.get(4), place.get(3), "E", "W", 180)
    known = latitude is not None and longitude is not None
    taken, source = next(_moments(exif, details, parts.xmp, path), (None, None))
    return PhotoHeader(
        format=name,
        size=turned_size((size[1], size[0]), orientation),
        orientation=orientation,
        taken_at=taken.local if taken else None,
        camera=_camera(_text(exif.get(271)), _text(exif.get(272))),
        latitude=latitude if known else None,
        longitude=longitude if known else None,
        taken_offset=taken.offset_minutes if taken else None,
        taken_source=source,
    )


def _moments(
    exif: Mapping[int, Any], details: Mapping[int, Any], xmp: bytes | None, path: str | None
) -> Iterator[tuple[Moment, DateSource]]:
    """Whatever tells when the photo was taken, the most trustworthy first."""
    for date, offset in _DATES:
        for told in (details.get(date), exif.get(date)):
            if found := moment(_text(told)):
                ahead = utc_offset(_text(details.get(offset)))
                yield Moment(found.local, found.offset if ahead is None else ahead), "exif"
    if xmp and (found := xmp_moment(xmp)):
        yield found, "xmp"
    if path is not None:
        in_store = is_url(path)
        beside = None if in_store else sidecar(Path(path))
        if beside and (found := xmp_moment(beside)):
            yield found, "sidecar"
        if found := moment_in_name(name_of(path) if in_store else Path(path).name):
            yield found, "name"


def _metadata(parts: PhotoParts) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """Tags of the picture, of its EXIF and of its place."""
    if isinstance(parts, TiffParts):
        said = {tag: parts.first_tags.get(tag) for tag in (271, 272, 306)}
        kept = (271, 272, 306, ExifTags.Base.Orientation)
        said |= {tag: parts.tags[tag] for tag in kept if tag in parts.tags}
        return said, parts.details, parts.place
    exif = PillowImage.Exif()
    try:
        if parts.exif:
            exif.load(b"Exif\0\0" + parts.exif)
    except Exception:  # any damage at all
        return {}, {}, {}
    return exif, _ifd(exif, ExifTags.IFD.Exif), _ifd(exif, ExifTags.IFD.GPSInfo)


def _ifd(exif: PillowImage.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag)
    except Exception:  # any damage at all
        return {}


def _orientation(exif: Mapping[int, Any], parts: PhotoParts) -> int:
    if parts.orientation is not None:
        return parts.orientation
    value = exif.get(ExifTags.Base.Orientation)
    if value is None and parts.xmp:
        value = xmp_orientation(parts.xmp)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value.partition("\0")[0])
    return " ".join(printable.split())[:_LONGEST_TEXT].strip()


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
