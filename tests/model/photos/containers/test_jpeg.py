import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.errors import PhotoUnreadable, PhotoUnsupported
from model.photos.images import read_header, read_image

KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "full colour": {"subsampling": 0},
}
END = b"\xff\xd9"


def scene(blank: bool = False) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 56, 3), np.uint8)
    if blank:
        pixels[16:] = 255  # coded in few bits, all of them zero where the tables are made for it
    return pixels


def jpeg(pixels: NDArray[np.uint8] | None = None, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    image = PillowImage.fromarray(scene() if pixels is None else pixels).convert(mode)
    image.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return read_image(io.BytesIO(data)).pixels


def segment(marker: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2 if length is None else length) + data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blank", [False, True])
def test_without_its_end_marker_it_is_read_as_a_second_decoder_reads_it(
    kind: str, blank: bool
) -> None:
    whole = jpeg(scene(blank), **KINDS[kind])
    assert whole.endswith(END)
    seen = pixels_of(whole[:-2])
    np.testing.assert_array_equal(seen, pixels_of(whole))
    assert np.abs(seen.astype(int) - imagecodecs.jpeg8_decode(whole)).max() <= 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [8, 30, 200, 1500])
def test_with_pixels_missing_it_stays_damaged(kind: str, cut: int) -> None:
    with pytest.raises(PhotoUnreadable, match="damaged"):
        pixels_of(jpeg(**KINDS[kind])[:-cut])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blank", [False, True])
def test_a_download_laid_out_in_advance_and_never_finished_is_damaged(
    kind: str, blank: bool
) -> None:
    whole = jpeg(scene(blank), **KINDS[kind])
    started = whole[: len(whole) // 2]
    with pytest.raises(PhotoUnreadable, match="damaged"):
        pixels_of(started + bytes(len(whole) - len(started) + 5000))


def test_zeros_after_whole_pixels_are_no_damage() -> None:
    whole = jpeg()
    np.testing.assert_array_equal(pixels_of(whole[:-2] + bytes(4096)), pixels_of(whole))


def test_a_progressive_file_that_ends_between_two_scans_is_damaged() -> None:
    whole = jpeg(progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    tables = whole.rindex(b"\xff\xc4")
    for end in (last_scan, tables):
        with pytest.raises(PhotoUnreadable, match="end is missing"):
            pixels_of(whole[:end])


BEFORE = {
    "comment": segment(0xFE, b"x" * 60000),
    "exif of noise": segment(0xE1, b"Exif\0\0" + bytes(range(256))),
    "exif that is cut off": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f"),
    "profile of noise": segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(range(256))),
    "profile with a piece missing": segment(0xE2, b"ICC_PROFILE\0\2\7" + bytes(40)),
    "several pictures, a broken list": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "photoshop's": segment(0xED, b"Photoshop 3.0\08BIM\xff\xff" + bytes(30)),
    "an empty one": segment(0xE5, b""),
    "a second JFIF": segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\xff\xff"),
    "a short Adobe": segment(0xEE, b"Adobe"),
    "a length of nought": segment(0xE7, b"", 0),
    "fill bytes": b"\xff" * 40,
    "bytes that belong nowhere": b"\0\1\2\xff\0abc",
    "a marker of its own": b"\xff\x01\xff\xd3",
}


@pytest.mark.parametrize("what", BEFORE)
@pytest.mark.parametrize("place", [2, 20])
def test_what_is_said_beside_the_pixels_never_hides_them(what: str, place: int) -> None:
    whole = jpeg()
    if place == 2 and not BEFORE[what].startswith(b"\xff"):
        place = 20  # a JPEG begins with two markers
    broken = whole[:place] + BEFORE[what] + whole[place:]
    np.testing.assert_array_equal(pixels_of(broken), pixels_of(whole))
    assert read_header(io.BytesIO(broken)).size == (40, 56)


@pytest.mark.parametrize(
    "after", [b"\0" * 5000, END * 3, b"\0\0\0\x18ftypmp42" + bytes(99), jpeg()]
)
def test_what_follows_the_end_is_not_looked_at(after: bytes) -> None:
    whole = jpeg()
    np.testing.assert_array_equal(pixels_of(whole + after), pixels_of(whole))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_channels_stay_what_they_are(mode: str) -> None:
    whole = jpeg(mode=mode)
    with PillowImage.open(io.BytesIO(whole)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.abs(pixels_of(whole).astype(int) - expected).max() <= 1


def test_colours_that_adobe_says_are_not_converted_stay_so() -> None:
    file = io.BytesIO()
    PillowImage.fromarray(scene()).save(file, "JPEG", quality=95, keep_rgb=True)
    assert np.abs(pixels_of(file.getvalue()).astype(int) - scene()).mean() < 6


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda data: data.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc3\0\x11\x08"), "lossless"),
        (lambda data: data.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"), "12 bits"),
        (lambda data: data.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc5\0\x11\x08"), "hierarchical"),
    ],
)
def test_what_cannot_be_laid_out_is_not_supported(made: Any, reason: str) -> None:
    with pytest.raises(PhotoUnsupported, match=reason):
        pixels_of(made(jpeg()))


def test_a_lossless_jpeg_of_a_second_encoder_is_not_supported() -> None:
    with pytest.raises(PhotoUnsupported, match="JPEG"):
        pixels_of(imagecodecs.ljpeg_encode(scene()[..., 0].astype(np.uint16), bitspersample=16))
