"""Whatever bytes a file holds, it is an image or a PhotoError of one line, and nothing else."""

import functools
import importlib.util
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from model.errors import PhotoError
from model.photos.images import Image, PhotoHeader, read_header, read_image

SAVED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("JPEG", "RGB", {"quality": 60}),
    "jpeg progressive": ("JPEG", "L", {"progressive": True}),
    "jpeg cmyk": ("JPEG", "CMYK", {}),
    "jpeg pair": ("MPO", "RGB", {"save_all": True}),
    "png": ("PNG", "RGBA", {}),
    "png palette": ("PNG", "P", {"transparency": 3}),
    "png animated": ("PNG", "RGB", {"save_all": True}),
    "webp": ("WEBP", "RGBA", {"lossless": True}),
    "webp animated": ("WEBP", "RGB", {"save_all": True, "quality": 50}),
    "gif": ("GIF", "P", {"save_all": True, "disposal": 2}),
    "tiff": ("TIFF", "RGB", {}),
    "tiff lzw": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "tiff jpeg": ("TIFF", "RGB", {"compression": "jpeg"}),
    "tiff pages": ("TIFF", "I;16", {"save_all": True}),
    "bmp": ("BMP", "RGB", {}),
    "bmp palette": ("BMP", "P", {}),
    "avif": ("AVIF", "RGB", {"quality": 50}),
    "heif": ("HEIF", "RGB", {"quality": 50}),
}


@functools.cache
def photo(kind: str) -> bytes:
    format, mode, options = SAVED[kind]
    pixels = np.random.default_rng(7).integers(0, 256, (13, 17, 3), np.uint8)
    if mode == "I;16":
        image = PillowImage.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    else:
        image = PillowImage.fromarray(pixels).convert(mode)
    if options.get("save_all"):
        options = options | {"append_images": [image.transpose(PillowImage.Transpose.ROTATE_180)]}
    exif = PillowImage.Exif()
    exif[274], exif[271], exif[306] = 6, "Maker", "2020:01:02 03:04:05"
    if "compression" not in options:  # Pillow cannot write the two together
        exif[0x8769] = {36867: "2020:01:02 03:04:05"}
        exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (4.0, 5.0, 6.0)}
    if format not in ("GIF", "BMP"):
        options = options | {"exif": exif.tobytes()}
    file = io.BytesIO()
    if format == "HEIF":
        heif = pytest.importorskip("pillow_heif")
        heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, format, **options)
    return file.getvalue()


def holds(data: bytes, max_side: int | None) -> None:
    header, image, refusal = None, None, ""
    try:
        header = read_header(io.BytesIO(data), max_megapixels=1)
        image = read_image(io.BytesIO(data), max_side=max_side, max_megapixels=1)
    except PhotoError as error:
        refusal = str(error)
    assert refusal.isprintable()
    if header is not None:
        assert isinstance(header, PhotoHeader)
        assert min(header.size) > 0
    if image is not None:
        assert isinstance(image, Image)
        assert header is not None
        assert image.original_size == header.size
        assert max(image.size) <= (max_side or 10**6)


KINDS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(
            kind == "heif" and importlib.util.find_spec("pillow_heif") is None,
            reason="needs the extra heic",
        ),
    )
    for kind in SAVED
]
SIDES = st.sampled_from([None, 5])


@pytest.mark.parametrize("kind", KINDS)
def test_undamaged_they_are_read(kind: str) -> None:
    upright = kind.startswith(("gif", "bmp"))
    assert read_image(io.BytesIO(photo(kind))).size == ((13, 17) if upright else (17, 13))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(data=st.data(), max_side=SIDES)
def test_with_some_bytes_changed(kind: str, data: st.DataObject, max_side: int | None) -> None:
    changed = bytearray(photo(kind))
    places = st.integers(0, len(changed) - 1)
    if data.draw(st.booleans()):  # headers are short and break in more ways
        places = st.integers(0, min(len(changed), 250) - 1)
    for place, value in data.draw(
        st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)
    ):
        changed[place] = value
    holds(bytes(changed), max_side)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data(), max_side=SIDES)
def test_with_the_end_or_a_middle_missing(
    kind: str, data: st.DataObject, max_side: int | None
) -> None:
    whole = photo(kind)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    holds(whole[:start], max_side)
    holds(whole[:start] + whole[end:], max_side)


@settings(max_examples=100)
@given(
    start=st.sampled_from([photo(kind)[:12] for kind in SAVED if kind != "heif"]),
    rest=st.binary(max_size=200),
)
def test_beginnings_of_photos_that_go_on_as_noise(start: bytes, rest: bytes) -> None:
    holds(start + rest, None)
