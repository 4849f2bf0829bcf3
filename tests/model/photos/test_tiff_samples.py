"""TIFFs as tifffile writes them, shown as what went into them."""

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import DTypeLike, NDArray
from PIL import Image as PillowImage
from skimage.color import rgb2lab

from model.errors import PhotoTooLarge, PhotoUnreadable, PhotoUnsupported
from model.photos.images import read_header, read_image

ROWS, COLUMNS = np.mgrid[0:64, 0:96]
RGB = np.stack([ROWS * 4, COLUMNS * 255 // 95, 255 - ROWS * 2 - COLUMNS // 2], 2)
RGB = RGB.clip(0, 255).astype(np.uint8)
GREY = RGB[..., 1]
PACKINGS = [None, "zlib", "lzw", "packbits", "lzma", "zstd"]
DEPTHS: list[DTypeLike] = [np.uint8, np.uint16, np.uint32]


def tiff(samples: NDArray[Any], **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file


def off(file: io.BytesIO, expected: NDArray[Any]) -> float:
    """Mean difference of the pixels that are read from those expected, levels of 255."""
    found = read_image(file).pixels.astype(float)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, 2)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).mean())


def deep(levels: NDArray[Any], kind: DTypeLike) -> NDArray[Any]:
    """Levels of 255 as whole numbers of all bits of a type, or as fractions."""
    if np.dtype(kind).kind == "f":
        return (levels / 255).astype(kind)
    return (levels / 255 * float(np.iinfo(kind).max)).round().astype(np.float64).astype(kind)


def separate(samples: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(samples, 2, 0))


FLOATS: list[DTypeLike] = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, *FLOATS])
@pytest.mark.parametrize("packing", PACKINGS)
def test_colours_of_any_depth_and_packing(kind: DTypeLike, packing: str | None) -> None:
    assert off(tiff(deep(RGB, kind), photometric="rgb", compression=packing), RGB) < 1


@pytest.mark.parametrize("kind", [*DEPTHS, *FLOATS])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_white_or_black_is_zero(kind: DTypeLike, byte_order: Any, tile: Any) -> None:
    layout = {"byteorder": byte_order, "tile": tile}
    assert off(tiff(deep(GREY, kind), photometric="minisblack", **layout), GREY) < 1
    assert off(tiff(deep(255 - GREY, kind), photometric="miniswhite", **layout), GREY) < 1


def test_white_is_zero_of_one_bit() -> None:
    dark = GREY < 100
    assert off(tiff(dark, photometric="miniswhite"), np.where(dark, 0, 255)) == 0


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_kept_in_sixteen_or_packed(bits: int) -> None:
    most = 2**bits - 1
    grey = (GREY / 255 * most).round().astype(np.uint16)
    colours = (RGB / 255 * most).round().astype(np.uint16)
    assert off(tiff(grey, photometric="minisblack"), GREY) < 1
    assert off(tiff(most - grey, photometric="miniswhite"), GREY) < 1
    assert off(tiff(colours, photometric="rgb"), RGB) < 1
    for kind, samples in (("minisblack", grey), ("miniswhite", most - grey)):
        assert off(tiff(samples, photometric=kind, bitspersample=bits), GREY) < 1
    told = [(281, 3, 1, most, True)]  # MaxSampleValue
    assert off(tiff(grey // 8, photometric="minisblack", extratags=told), GREY / 8) < 1


@pytest.mark.parametrize("kind", FLOATS)
def test_floating_ranges(kind: DTypeLike) -> None:
    assert off(tiff(RGB.astype(kind), photometric="rgb"), RGB) < 1
    bright = deep(RGB, kind)
    bright[:2, :2] = 7  # a lamp
    expected = RGB.copy()
    expected[:2, :2] = 255
    assert off(tiff(bright, photometric="rgb"), expected) < 1


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_signed_samples_are_stretched(kind: DTypeLike) -> None:
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    samples = (GREY / 255 * (float(most) - least) + least).round().astype(np.int64)
    assert off(tiff(samples.astype(kind), photometric="minisblack"), GREY) < 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("packing", [None, "zlib", "lzw"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_planes_apart(kind: DTypeLike, packing: str | None, tile: Any) -> None:
    layout = {"planarconfig": "separate", "compression": packing, "tile": tile}
    assert off(tiff(separate(deep(RGB, kind)), photometric="rgb", **layout), RGB) < 1


ALPHA = np.full((64, 96, 1), 255, np.uint8)
ALPHA[:, 48:] = 100
ON_WHITE = RGB * (ALPHA / 255) + 255 - ALPHA
GREY_ON_WHITE = GREY * (ALPHA[..., 0] / 255) + 255 - ALPHA[..., 0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_transparency_lies_on_white(kind: DTypeLike) -> None:
    clear = np.concatenate([RGB, ALPHA], 2)
    multiplied = np.concatenate([(RGB * (ALPHA / 255)).round(), ALPHA], 2)

    def read(samples: NDArray[Any], alpha: str, **layout: Any) -> io.BytesIO:
        return tiff(deep(samples, kind), photometric="rgb", extrasamples=[alpha], **layout)

    assert off(read(clear, "unassalpha"), ON_WHITE) < 1
    assert off(read(multiplied, "assocalpha"), ON_WHITE) < 1
    assert off(read(clear, "unspecified"), RGB) < 1
    apart = tiff(
        separate(deep(clear, kind)),
        photometric="rgb",
        extrasamples=["unassalpha"],
        planarconfig="separate",
    )
    assert off(apart, ON_WHITE) < 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_transparent_grey_lies_on_white(kind: DTypeLike) -> None:
    def read(grey: NDArray[Any], photometric: str, alpha: str) -> io.BytesIO:
        samples = np.stack([grey, ALPHA[..., 0]], 2)
        return tiff(deep(samples, kind), photometric=photometric, extrasamples=[alpha])

    assert off(read(GREY, "minisblack", "unassalpha"), GREY_ON_WHITE) < 1
    assert off(read(255 - GREY, "miniswhite", "unassalpha"), GREY_ON_WHITE) < 1
    multiplied = (GREY * (ALPHA[..., 0] / 255)).round()
    assert off(read(multiplied, "minisblack", "assocalpha"), GREY_ON_WHITE) < 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_inks(kind: DTypeLike) -> None:
    inks = np.asarray(PillowImage.fromarray(RGB).convert("CMYK"))
    expected = np.asarray(PillowImage.fromarray(inks, "CMYK").convert("RGB"))
    assert off(tiff(deep(inks, kind), photometric="separated"), expected) < 1
    apart = tiff(separate(deep(inks, kind)), photometric="separated", planarconfig="separate")
    assert off(apart, expected) < 1


def test_lightness_and_two_colour_axes() -> None:
    lightness, a, b = np.moveaxis(rgb2lab(RGB), 2, 0)
    made = {
        "cielab": [lightness * 2.55, *(np.rint(x).astype(np.int8).view(np.uint8) for x in (a, b))],
        "icclab": [lightness * 2.55, a + 128, b + 128],
    }
    for kind, channels in made.items():
        samples = np.stack(channels, 2).clip(0, 255).astype(np.uint8)
        # another adaptation to the white point: nothing is off by a hue
        assert off(tiff(samples, photometric=kind), RGB) < 8
    wide = [lightness * 655.35, *((x * 256).astype(np.int16).view(np.uint16) for x in (a, b))]
    assert off(tiff(np.stack(wide, 2).astype(np.uint16), photometric="cielab"), RGB) < 8


def test_palettes() -> None:
    for bits, kind in ((8, np.uint8), (16, np.uint16)):
        ramp = np.linspace(0, 65535, 2**bits).astype(np.uint16)
        palette = np.stack([ramp, 65535 - ramp, ramp // 2])
        samples = deep(GREY, kind)
        expected = palette.T[samples] // 257
        assert off(tiff(samples, photometric="palette", colormap=palette), expected) < 1


def test_the_photo_is_the_first_page_that_is_no_thumbnail() -> None:
    small = RGB[::4, ::4].copy()
    for layout in ("chain", "beneath"):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            if layout == "beneath":
                writer.write(small, photometric="rgb", subfiletype=1, subifds=2)
                writer.write(small, photometric="rgb", subfiletype=1)
            else:
                writer.write(small, photometric="rgb", subfiletype=1 if layout == "chain" else 4)
            writer.write(deep(RGB, np.uint16), photometric="rgb", compression="lzw")
            writer.write(255 - RGB, photometric="rgb")
        assert read_header(file).size == (64, 96)
        assert off(file, RGB) < 1


def test_of_many_pages_the_first_is_read_and_of_thumbnails_alone_too() -> None:
    assert off(tiff(np.stack([GREY, 255 - GREY]), photometric="minisblack"), GREY) == 0
    assert off(tiff(RGB, photometric="rgb", subfiletype=1), RGB) == 0


def test_turned_upright_once_whoever_reads_the_samples() -> None:
    turned = np.ascontiguousarray(np.rot90(RGB))
    for kind in (np.uint8, np.uint16):
        file = tiff(deep(turned, kind), photometric="rgb", extratags=[(274, 3, 1, 6, True)])
        assert read_header(file).size == (64, 96)
        assert off(file, RGB) < 1
        small = read_image(file, max_side=48)
        assert (small.size, small.original_size) == ((32, 48), (64, 96))


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (np.stack([GREY] * 8), {"photometric": "minisblack", "planarconfig": "separate"}),
        (GREY.astype(np.complex64), {}),
        (
            np.stack([GREY] * 4),
            {"volumetric": True, "tile": (2, 16, 16), "photometric": "minisblack"},
        ),
        (GREY, {"photometric": "cfa"}),
    ],
)
def test_what_is_no_photo_is_not_supported(samples: NDArray[Any], options: dict[str, Any]) -> None:
    with pytest.raises(PhotoUnsupported, match="not supported"):
        read_image(tiff(samples, **options))


@pytest.mark.parametrize("packing", [None, "zlib", "lzw"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_pixels_that_are_cut_off_are_damage(packing: str | None, kind: DTypeLike) -> None:
    noise = np.random.default_rng(0).integers(0, 256, RGB.shape)
    whole = tiff(deep(noise, kind), photometric="rgb", compression=packing).getvalue()
    with pytest.raises(PhotoUnreadable, match="damaged"):
        read_image(io.BytesIO(whole[: len(whole) * 2 // 3]))


def test_samples_that_take_more_memory_than_the_limit_are_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tiff(np.zeros((1000, 1000, 3)), photometric="rgb", compression="zlib")
    assert read_image(file, max_megapixels=1).size == (1000, 1000)
    monkeypatch.setattr("model.photos.decoding._LEAST_MEGAPIXELS", 0)
    with pytest.raises(PhotoTooLarge, match="memory"):
        read_image(file, max_megapixels=3)
    assert read_image(file, max_megapixels=4).size == (1000, 1000)
