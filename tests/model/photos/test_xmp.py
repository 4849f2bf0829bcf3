import io
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from model.photos.images import PhotoHeader, read_header
from model.photos.xmp import xmp_moment, xmp_orientation

DAY = datetime(2015, 8, 22, 10, 33, 24)


def packet(properties: str = "", elements: str = "") -> bytes:
    return (
        '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
        f'<rdf:Description rdf:about="" {properties}>{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    "found",
    [
        packet('exif:DateTimeOriginal="2015-08-22T10:33:24"'),
        packet("photoshop:DateCreated='2015-08-22T10:33:24.00'"),
        packet(elements="<xmp:CreateDate> 2015-08-22T10:33:24 </xmp:CreateDate>"),
        packet(
            'xmp:CreateDate="2020-01-01"',
            "<exif:DateTimeOriginal>2015:08:22 10:33:24</exif:DateTimeOriginal>",
        ),
        packet('exif:DateTimeOriginal="soon" xmp:CreateDate="2015-08-22T10:33:24"'),
        packet('a:DateTimeOriginal="2015-08-22T10:33:24"') + b"\xff\xfe",
    ],
)
def test_the_date_of_the_exposure_is_found(found: bytes) -> None:
    told = xmp_moment(found)
    assert told is not None
    assert told.local == DAY


def test_packets_of_two_bytes_a_letter() -> None:
    text = packet('xmp:CreateDate="2015-08-22T10:33:24+02:00"').decode()
    told = xmp_moment(text.encode("utf-16"))
    assert told is not None
    assert (told.local, told.offset_minutes) == (DAY, 120)


def test_what_tells_nothing_is_none() -> None:
    for found in (b"", b"\0\xff", packet('xmp:ModifyDate="2015-08-22"'), packet()):
        assert xmp_moment(found) is None
        assert xmp_orientation(found) is None
    assert xmp_orientation(packet('tiff:Orientation="9"')) is None
    assert xmp_orientation(packet(elements="<tiff:Orientation>6</tiff:Orientation>")) == 6


def told(path: Path) -> tuple[datetime | None, int | None, str | None]:
    header: PhotoHeader = read_header(path)
    return header.taken_at, header.taken_offset, header.taken_source


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_then_xmp_then_a_file_beside_then_the_name(format: str, tmp_path: Path) -> None:
    photo = tmp_path / "IMG_20010203_040506.jpg"
    plain = Image.new("RGB", (8, 8))
    plain.save(photo, format)
    assert told(photo) == (datetime(2001, 2, 3, 4, 5, 6), None, "name")

    (tmp_path / "IMG_20010203_040506.xmp").write_bytes(packet('xmp:CreateDate="2002-01-01"'))
    assert told(photo) == (datetime(2002, 1, 1), None, "sidecar")
    beside = packet('xmp:CreateDate="2003-01-01T00:00:00Z"')
    (tmp_path / "IMG_20010203_040506.jpg.xmp").write_bytes(beside)
    assert told(photo) == (datetime(2003, 1, 1), 0, "sidecar")

    inside = packet('exif:DateTimeOriginal="2004-01-01T00:00:00-03:30"')
    if format == "TIFF":
        plain.save(photo, format, tiffinfo={700: inside})
    elif format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", inside.decode(), zip=True)
        plain.save(photo, format, pnginfo=texts)
    else:
        plain.save(photo, format, xmp=inside)
    assert told(photo) == (datetime(2004, 1, 1), -210, "xmp")

    exif = Image.Exif()
    exif[306] = "2005:01:01 00:00:00"
    exif.get_ifd(0x8769).update({36867: "2006:01:01 24:00:00", 36881: "+05:30"})
    plain.save(photo, format, exif=exif.tobytes())
    assert told(photo) == (datetime(2006, 1, 2), 330, "exif")


def test_a_stream_has_no_neighbours() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    assert read_header(file).taken_at is None


def test_a_sidecar_that_is_no_file_or_too_long_is_passed_over(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(photo)
    (tmp_path / "a.png.xmp").mkdir()
    with (tmp_path / "a.xmp").open("wb") as file:
        file.truncate(1 << 30)
    assert told(photo) == (None, None, None)
