import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.errors import PhotoUnreadable
from model.photos.images import read_header, read_image

PIXELS = np.random.default_rng(2).integers(0, 256, (30, 41, 3), np.uint8)
EXIF = PillowImage.Exif()
EXIF[271] = "Maker"


def webp(mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    image = PillowImage.fromarray(PIXELS).convert(mode)
    image.save(file, "WEBP", lossless=True, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return read_image(io.BytesIO(data)).pixels


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + bytes(len(data) & 1)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"EXIF", bytes(range(255))),
        chunk(b"XMP ", b"\xff\xfe<"),
        chunk(b"ICCP", b"noise"),
        chunk(b"prVt", b"secret"),
        struct.pack("<4sI", b"EXIF", 1 << 30) + b"cut off",
        b"EX",
    ],
)
def test_what_is_said_after_the_pixels_never_hides_them(extra: bytes) -> None:
    np.testing.assert_array_equal(pixels_of(webp(exif=EXIF) + extra), PIXELS)
    assert read_header(io.BytesIO(webp(exif=EXIF) + extra)).camera == "Maker"


@pytest.mark.parametrize("length", [0, 17, 1 << 31])
def test_the_length_that_it_claims_is_not_believed(length: int) -> None:
    whole = webp()
    np.testing.assert_array_equal(
        pixels_of(whole[:4] + struct.pack("<I", length) + whole[8:]), PIXELS
    )


def test_metadata_that_is_cut_off_is_no_damage() -> None:
    np.testing.assert_array_equal(pixels_of(webp(exif=EXIF)[:-20]), PIXELS)


def test_a_profile_of_noise_before_the_pixels() -> None:
    whole = webp(icc_profile=b"noise of a profile")
    np.testing.assert_array_equal(pixels_of(whole), PIXELS)


def test_transparency_stays() -> None:
    image = PillowImage.fromarray(PIXELS).convert("RGBA")
    image.putalpha(0)
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    assert (pixels_of(file.getvalue()) == 255).all()


def test_with_pixels_missing_it_stays_damaged() -> None:
    with pytest.raises(PhotoUnreadable, match="damaged"):
        pixels_of(webp()[:-400])


def test_the_first_frame_of_many() -> None:
    other = PillowImage.new("RGB", (41, 30), "red")
    whole = webp(save_all=True, append_images=[other] * 5)
    np.testing.assert_array_equal(pixels_of(whole), PIXELS)
    # the frames after it are not even looked at
    np.testing.assert_array_equal(pixels_of(whole[:-30]), PIXELS)
