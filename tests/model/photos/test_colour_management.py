import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

from model.photos.images import read_image


def saved(image: PillowImage.Image, format: str, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file


def pixels_of(image: PillowImage.Image, format: str = "PNG", **options: Any) -> NDArray[np.uint8]:
    return read_image(saved(image, format, **options)).pixels


def ramp() -> PillowImage.Image:
    return PillowImage.linear_gradient("L").resize((8, 8))


def test_grey_and_black_and_white() -> None:
    expected = np.repeat(np.asarray(ramp())[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(pixels_of(ramp()), expected)
    one_bit = ramp().convert("1", dither=PillowImage.Dither.NONE)
    assert set(np.unique(pixels_of(one_bit))) == {0, 255}
    assert pixels_of(one_bit)[0, 0, 0] == 0


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range(format: str) -> None:
    deep = np.array([[0, 128 * 257, 65535], [257, 1000, 60000]], np.uint16)
    pixels = pixels_of(PillowImage.fromarray(deep), format)
    assert np.abs(pixels[:, :, 0].astype(float) - deep / 257).max() <= 0.5
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_dark_sixteen_bit_grey_stays_dark() -> None:
    deep = np.full((4, 4), 700, np.uint16)
    assert pixels_of(PillowImage.fromarray(deep)).max() == 3


def deep_tiff(samples: NDArray[np.uint16], bits: int, channels: int) -> io.BytesIO:
    """An uncompressed little-endian TIFF; Pillow itself writes no 16-bit colours."""
    data = samples.astype("<u2").tobytes()
    height, width = samples.shape[:2]
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if channels == 3 else 1),
        (273, 4, 1, 200),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]
    entries.append((258, 3, channels, 160 if channels == 3 else bits))
    packed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)
    head = head.ljust(160, b"\0") + struct.pack("<HHH", bits, bits, bits)
    return io.BytesIO(head.ljust(200, b"\0") + data)


def test_sixteen_bit_colours() -> None:
    deep = np.array([[[0, 32896, 65535], [65535, 0, 257]]], np.uint16)
    pixels = read_image(deep_tiff(deep, 16, 3)).pixels
    assert np.abs(pixels - deep / 257).max() <= 1


def test_twelve_bit_grey_fills_its_range() -> None:
    # Two samples in three bytes: 0 and 2048, 4095 and 16.
    packed = np.frombuffer(bytes([0x00, 0x08, 0x00, 0xFF, 0xF0, 0x10]), "<u2").reshape(1, 3)
    file = deep_tiff(packed, 12, 1)
    data = bytearray(file.getvalue())
    data[18:22] = struct.pack("<I", 4)  # the width, of which three shorts are the bytes
    assert read_image(io.BytesIO(bytes(data))).pixels[0, :, 1].tolist() == [0, 128, 255, 1]


def test_sixteen_bit_colours_of_a_png() -> None:
    deep = np.array([[[0, 32896, 65535], [65535, 0, 257]]], ">u2")

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + deep.tobytes()))
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
    assert np.abs(read_image(file).pixels - deep / 257).max() <= 1


def test_sixteen_bit_with_a_reduced_size() -> None:
    deep = np.full((64, 32), 40000, np.uint16)
    image = read_image(saved(PillowImage.fromarray(deep), "PNG"), max_side=16)
    assert image.size == (16, 8)
    assert (image.pixels == round(40000 / 257)).all()


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([0.0, 32896.0, 65535.0], [0, 128, 255]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([0.0, 5e5, 1e6], [0, 128, 255]),
        ([float("nan"), 0.5, float("inf")], [0, 128, 0]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([float("nan")] * 3, [0, 0, 0]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
    ],
)
def test_floating_grey_fills_the_range_that_holds_it(
    samples: list[float], expected: list[int]
) -> None:
    image = PillowImage.fromarray(np.array([samples], np.float32))
    pixels = pixels_of(image, "TIFF")
    assert np.abs(pixels[0, :, 0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("most", [1, 255, 65535, 2**31 - 1])
def test_long_integer_grey_fills_the_range_that_holds_it(most: int) -> None:
    image = PillowImage.fromarray(np.array([[0, most // 2, most]], np.int32))
    pixels = pixels_of(image, "TIFF")[0, :, 0]
    assert pixels[2] == (1 if most == 1 else 255)
    assert pixels[0] == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_transparency_lies_on_white(mode: str, format: str) -> None:
    ink = (0, 0, 0, 0) if mode == "RGBA" else (0, 0)
    image = PillowImage.new(mode, (3, 1), ink)
    image.putpixel((1, 0), (*ink[:-1], 255))
    image.putpixel((2, 0), (*ink[:-1], 128))
    pixels = pixels_of(image, format)
    assert pixels[0, :, 0].tolist() == [255, 0, 127]


def test_webp_transparency_lies_on_white() -> None:
    image = PillowImage.new("RGBA", (4, 4), (0, 0, 255, 0))
    assert (pixels_of(image, "WEBP", lossless=True) == 255).all()


def test_nothing_shines_through_the_edges_of_what_is_transparent() -> None:
    image = PillowImage.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((255, 255, 255, 255), (16, 16, 48, 48))
    assert (read_image(saved(image, "PNG"), max_side=24).pixels == 255).all()


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_colour(format: str) -> None:
    image = PillowImage.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    pixels = pixels_of(image, format, transparency=0)
    assert pixels[0].tolist() == [[255, 255, 255], [200, 100, 50]]
    assert pixels_of(image, format)[0].tolist() == [[10, 20, 30], [200, 100, 50]]


def test_a_palette_with_shades_of_transparency() -> None:
    image = PillowImage.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.putpixel((1, 0), 1)
    pixels = pixels_of(image, "PNG", transparency=b"\x80\xff")
    assert pixels[0].tolist() == [[127, 127, 127], [200, 100, 50]]


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9))])
def test_one_transparent_colour(mode: str, colour: Any) -> None:
    image = PillowImage.new(mode, (2, 2), colour)
    image.putpixel((0, 0), 100 if mode == "L" else (100, 100, 100))
    pixels = pixels_of(image, "PNG", transparency=colour)
    assert pixels[0, 0].tolist() == [100, 100, 100]
    assert (pixels[1] == 255).all()


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(format: str) -> None:
    inks = PillowImage.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = pixels_of(inks, format)[4, 4]
    assert red > 240
    assert max(green, blue) < 15


def test_lab_is_converted() -> None:
    lab = ImageCms.profileToProfile(
        PillowImage.new("RGB", (8, 8), (200, 60, 40)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    assert np.abs(pixels_of(lab, "TIFF")[4, 4].astype(int) - [200, 60, 40]).max() <= 6


def test_ycbcr_is_converted() -> None:
    image = PillowImage.new("RGB", (8, 8), (200, 60, 40)).convert("YCbCr")
    assert np.abs(pixels_of(image, "TIFF")[4, 4].astype(int) - [200, 60, 40]).max() <= 3


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def matrix_profile(columns: list[tuple[float, float, float]], gamma: float) -> bytes:
    """A small RGB profile of three primaries (XYZ under D50) and one gamma."""
    white = b"XYZ " + bytes(4) + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": white, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True):
        tags[name] = b"XYZ " + bytes(4) + b"".join(map(fixed, column))
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp"
    head = head.ljust(68, b"\0") + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


SWAPPED = [(0.1431, 0.0606, 0.7141), (0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139)]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_embedded_profile_is_obeyed(format: str) -> None:
    # Its red primary is sRGB's blue and the other way round.
    profile = matrix_profile(SWAPPED, 2.2)
    image = PillowImage.new("RGB", (16, 16), (220, 60, 30))
    options = {"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {}
    pixels = pixels_of(image, format, icc_profile=profile, **options)
    assert np.abs(pixels[8, 8].astype(int) - [30, 60, 220]).max() <= 8


def test_srgb_with_its_own_profile_stays_as_it_is() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colours = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    pixels = pixels_of(PillowImage.fromarray(colours), icc_profile=profile)
    assert np.abs(pixels.astype(int) - colours).max() <= 1


@pytest.mark.parametrize("length", [1, 100, 128, 200, 300])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_profile_is_ignored(format: str, length: int) -> None:
    image = PillowImage.new("RGB", (16, 16), (220, 60, 30))
    options = {"quality": 95} if format == "JPEG" else {}
    options |= {"lossless": True} if format == "WEBP" else {}
    profile = matrix_profile(SWAPPED, 2.2)[:length]
    pixels = pixels_of(image, format, icc_profile=profile, **options)
    assert np.abs(pixels[8, 8].astype(int) - [220, 60, 30]).max() <= 3


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_a_profile_of_other_channels_is_no_obstacle(mode: str) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = PillowImage.new("RGB", (8, 8), (90, 90, 90)).convert(mode)
    for profile in (lab, rgb):
        pixels = pixels_of(image, "JPEG", icc_profile=profile, quality=95)
        assert np.abs(pixels.astype(int) - 90).max() <= 3
