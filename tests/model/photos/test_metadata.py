import io
import struct
import zlib
from datetime import datetime
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from model.photos.images import PhotoHeader, read_header

ORIENTABLE = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


def exif_of(tags: dict[int, Any], details: dict[int, Any], place: dict[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    exif.get_ifd(ExifTags.IFD.Exif).update(details)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(place)
    return exif


def header(
    tags: dict[int, Any] | None = None,
    details: dict[int, Any] | None = None,
    place: dict[int, Any] | None = None,
    *,
    format: str = "JPEG",
) -> PhotoHeader:
    file = io.BytesIO()
    exif = exif_of(tags or {}, details or {}, place or {}).tobytes()
    Image.new("RGB", (40, 30), "red").save(file, format, exif=exif)
    return read_header(file)


def rational(numerator: int, denominator: int) -> TiffImagePlugin.IFDRational:
    return TiffImagePlugin.IFDRational(numerator, denominator)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_header_without_exif(format: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, format)
    assert read_header(file) == PhotoHeader(format, (30, 40), 1)


@pytest.mark.parametrize("format", ORIENTABLE)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_that_of_the_upright_photo(format: str, orientation: int) -> None:
    found = header({274: orientation}, format=format)
    assert found.orientation == orientation
    assert found.size == ((40, 30) if orientation >= 5 else (30, 40))


@pytest.mark.parametrize("format", ORIENTABLE)
def test_time_camera_and_place(format: str) -> None:
    found = header(
        {271: "NIKON CORPORATION\0", 272: "NIKON D90  ", 306: "2020:01:01 00:00:00"},
        {36867: "2019:08:07 12:34:56", 36868: "2019:08:08 00:00:00"},
        {1: "S", 2: (33.0, 51.0, 30.0), 3: "W", 4: (70.0, 30.0, 0.0)},
        format=format,
    )
    assert found.taken_at == datetime(2019, 8, 7, 12, 34, 56)
    assert found.camera == "NIKON D90"
    assert found.latitude == pytest.approx(-33.858333)
    assert found.longitude == pytest.approx(-70.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019:08:07 12:34:56", datetime(2019, 8, 7, 12, 34, 56)),
        ("2019-08-07T12:34:56.5+02:00", datetime(2019, 8, 7, 12, 34, 56)),
        ("2019:08:07 12:34", datetime(2019, 8, 7, 12, 34)),
        ("2019:08:07 12:34:56\0\0garbage", datetime(2019, 8, 7, 12, 34, 56)),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2019:02:30 12:34:56", None),
        ("2019:08:07 24:34:60", datetime(2019, 8, 8, 0, 35)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times(text: str, expected: datetime | None) -> None:
    assert header(details={36867: text}).taken_at == expected


def test_the_first_time_that_makes_sense_counts() -> None:
    zero = "0000:00:00 00:00:00"
    found = header({306: "2001:02:03 04:05:06"}, {36867: zero, 36868: "soon"})
    assert found.taken_at == datetime(2001, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("OLYMPUS IMAGING CORP.  ", "E-M5", "OLYMPUS IMAGING CORP. E-M5"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("samsung", "SAMSUNG ES70", "SAMSUNG ES70"),
        ("", "X100", "X100"),
        ("Leica", "", "Leica"),
        ("\0\0", " ", None),
        ("Line\nbreak\x07", "\tModel", "Line break Model"),
        ("Nu\0l", "Mo\0\0del", "Nu Mo"),
    ],
)
def test_cameras(make: str, model: str, expected: str | None) -> None:
    assert header({271: make, 272: model}).camera == expected


def test_a_camera_name_of_pages_is_cut() -> None:
    camera = header({272: "x" * 5000}).camera
    assert camera is not None
    assert len(camera) <= 120


@pytest.mark.parametrize(
    "place",
    [
        {1: "N", 2: (rational(1, 0), rational(0, 0), rational(0, 1)), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)},
        {1: "N", 2: (1.0, 0.0, 0.0)},
        {2: (1.0, 0.0, 0.0), 4: (1.0, 0.0, 0.0)},
        {1: "\0", 2: (1.0, 0.0, 0.0), 3: "?", 4: (1.0, 0.0, 0.0)},
    ],
)
def test_places_that_make_no_sense_count_as_none(place: dict[int, Any]) -> None:
    found = header(place=place)
    assert found.latitude is None
    assert found.longitude is None


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_make_no_sense_count_as_upright(orientation: int) -> None:
    assert header({274: orientation}).orientation == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(256)),
        # one IFD that points to itself as Exif, GPS and next
        b"Exif\0\0II*\0\x08\0\0\0\x02\0"
        b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    ],
)
def test_damaged_exif_counts_as_none(format: str, exif: bytes) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, format, exif=exif)
    assert read_header(file) == PhotoHeader(format, (30, 40), 1)


def test_exif_of_a_png_after_its_pixels_is_seen_without_decoding_them() -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    exif = exif_of({274: 6, 272: "Late"}, {}, {}).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I4s", len(exif), b"eXIf") + exif
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    head, end = file.getvalue()[:-12], file.getvalue()[-12:]
    found = read_header(io.BytesIO(head + chunk + end))
    assert (found.orientation, found.camera, found.size) == (6, "Late", (40, 30))


def test_exif_that_imagemagick_wrote_into_a_png() -> None:
    exif = exif_of({274: 8}, {}, {}).tobytes()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=True)
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG", pnginfo=texts)
    assert read_header(file).orientation == 8
