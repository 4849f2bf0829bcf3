import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

from model.errors import PhotoUnreadable
from model.photos.images import read_header, read_image

PIXELS = np.random.default_rng(2).integers(0, 256, (30, 41, 3), np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def chunk(kind: bytes, data: bytes, check: int | None = None) -> bytes:
    found = zlib.crc32(kind + data) if check is None else check
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", found)


def png(**options: object) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(PIXELS).save(file, "PNG", **options)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return read_image(io.BytesIO(data)).pixels


ANCILLARY = {
    "a profile of megabytes": chunk(b"iCCP", b"p\0\0" + zlib.compress(PROFILE + bytes(2 << 20))),
    "a profile that unpacks to a gigabyte": chunk(
        b"iCCP", b"p\0\0" + zlib.compress(bytes(64 << 20), 9)
    ),
    "a profile of noise": chunk(b"iCCP", b"p\0\0" + bytes(range(256))),
    "a profile without a name": chunk(b"iCCP", b""),
    "text of megabytes": chunk(b"tEXt", b"Comment\0" + b"x" * (3 << 20)),
    "packed text of megabytes": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * (2 << 20))),
    "packed text of noise": chunk(b"zTXt", b"Comment\0\0" + bytes(range(256))),
    "text of a kind that nobody knows": chunk(b"zTXt", b"Comment\0\7abc"),
    "international text, packed": chunk(
        b"iTXt", b"Comment\0\1\0de\0Wort\0" + zlib.compress(b"x" * (2 << 20))
    ),
    "international text that is cut off": chunk(b"iTXt", b"Comment\0\1"),
    "text that is not Latin": chunk(b"iTXt", b"Comment\0\0\0\0\0\xff\xfe\xfd"),
    "EXIF of noise": chunk(b"eXIf", bytes(range(256))),
    "a gamma of nought": chunk(b"gAMA", bytes(4)),
    "a short gamma": chunk(b"gAMA", b"\1"),
    "short chromaticities": chunk(b"cHRM", b"\1\2\3"),
    "a short density": chunk(b"pHYs", b"\1"),
    "an animation of nothing": chunk(b"acTL", bytes(8)),
    "a private chunk": chunk(b"prVt", b"secret" * 100),
    "a transparency of another length": chunk(b"tRNS", b"\1", 0),
}


@pytest.mark.parametrize("what", ANCILLARY)
@pytest.mark.parametrize("checked", [True, False])
def test_ancillary_chunks_never_hide_the_pixels(what: str, checked: bool) -> None:
    extra = ANCILLARY[what] if checked else ANCILLARY[what][:-4] + b"\1\2\3\4"
    whole = png()
    for place in (33, len(whole) - 12):  # before the pixels and after them
        broken = whole[:place] + extra + whole[place:]
        np.testing.assert_array_equal(pixels_of(broken), PIXELS)
        assert read_header(io.BytesIO(broken)).size == (30, 41)


def test_a_chunk_after_the_pixels_that_is_cut_off() -> None:
    np.testing.assert_array_equal(pixels_of(png()[:-12] + b"\0\1\0\0tEXtComm"), PIXELS)


@pytest.mark.parametrize("cut", range(1, 17))
def test_without_its_end_it_is_read_as_a_second_decoder_reads_it(cut: int) -> None:
    whole = png()
    np.testing.assert_array_equal(imagecodecs.png_decode(whole), PIXELS)
    np.testing.assert_array_equal(pixels_of(whole[:-cut]), PIXELS)


@pytest.mark.parametrize("cut", [30, 200, 2000])
def test_with_pixels_missing_it_stays_damaged(cut: int) -> None:
    with pytest.raises(PhotoUnreadable, match="damaged"):
        pixels_of(png()[:-cut])


def test_pixels_in_many_chunks_and_in_empty_ones() -> None:
    whole = png()
    data = whole[whole.index(b"IDAT") + 4 : -16]
    parts = [chunk(b"IDAT", data[i : i + 7]) for i in range(0, len(data), 7)]
    parts.insert(3, chunk(b"IDAT", b""))
    np.testing.assert_array_equal(pixels_of(whole[:33] + b"".join(parts) + whole[-12:]), PIXELS)


def test_an_interlaced_one() -> None:
    expected = np.asarray(PillowImage.fromarray(PIXELS).convert("RGB"))
    head = struct.pack(">IIBBBBB", 41, 30, 8, 2, 0, 0, 1)
    rows = b""
    for x, y, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):  # fmt: skip
        rows += b"".join(b"\0" + row.tobytes() for row in PIXELS[y::down, x::across])
    made = png()[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
    np.testing.assert_array_equal(pixels_of(made + chunk(b"IEND", b"")), expected)


def test_xmp_is_found_packed_or_not() -> None:
    packet = b'<x xmp:CreateDate="2015-08-22T10:33:24"/>'
    for text in (b"\0\0\0\0" + packet, b"\1\0\0\0" + zlib.compress(packet)):
        made = png()[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0" + text) + png()[33:]
        header = read_header(io.BytesIO(made))
        assert (header.taken_source, str(header.taken_at)) == ("xmp", "2015-08-22 10:33:24")
