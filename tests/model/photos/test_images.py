import io
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from peak_memory import takes_at_most
from PIL import Image as PillowImage

from model.errors import PhotoTooLarge, PhotoUnreadable, PhotoUnsupported
from model.photos.formats import is_unread_picture
from model.photos.images import (
    SUFFIXES,
    UNSUPPORTED_SUFFIXES,
    Image,
    read_header,
    read_image,
    to_raw_frame,
)

LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "BMP": {},
}
LOSSY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "AVIF": {"quality": 95}}
SCENE = (48, 32)  # height, width: upright


def scene(height: int = SCENE[0], width: int = SCENE[1]) -> NDArray[np.uint8]:
    """A smooth picture, different in every corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1)
    return np.stack([red, green, 255 - red // 2 - green // 2], axis=2).astype(np.uint8)


def saved(pixels: NDArray[Any] | PillowImage.Image, format: str, **options: Any) -> io.BytesIO:
    image = PillowImage.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    file = io.BytesIO()
    image.save(file, format, **options)
    return file


def orientation_exif(orientation: int) -> bytes:
    exif = PillowImage.Exif()
    exif[274] = orientation
    return exif.tobytes()


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_come_back_as_they_were(format: str) -> None:
    image = read_image(saved(scene(), format, **LOSSLESS[format]))
    np.testing.assert_array_equal(image.pixels, scene())
    assert image.size == image.original_size == SCENE


@pytest.mark.parametrize("format", LOSSY)
def test_lossy_formats_come_back_alike(format: str) -> None:
    image = read_image(saved(scene(), format, **LOSSY[format]))
    assert difference(image.pixels, scene()) < 3


def test_pixels_can_be_written_to_and_lie_in_rows() -> None:
    file = saved(scene(), "PNG", exif=orientation_exif(6))
    pixels = read_image(file).pixels
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("max_side", [None, 24])
def test_photos_are_turned_upright_once(
    format: str, orientation: int, max_side: int | None
) -> None:
    raw = np.ascontiguousarray(to_raw_frame(scene(), orientation))
    options = {**LOSSLESS, **LOSSY}[format]
    file = saved(raw, format, exif=orientation_exif(orientation), **options)
    image = read_image(file, max_side=max_side)
    expected = scene() if max_side is None else scene(24, 16)
    assert image.original_size == read_header(file).size == SCENE
    assert difference(image.pixels, expected) < 5


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_that_only_xmp_tells_counts(format: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    where = {"tiffinfo": {700: xmp}} if format == "TIFF" else {"xmp": xmp}
    raw = np.ascontiguousarray(to_raw_frame(scene(), 6))
    file = saved(raw, format, **{**LOSSLESS, **LOSSY}[format], **where)
    assert read_header(file).orientation == 6
    assert read_header(file).size == SCENE
    assert difference(read_image(file).pixels, scene()) < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_turned_upright_once(orientation: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    raw = np.ascontiguousarray(to_raw_frame(scene(64, 32), orientation))
    heif = pillow_heif.from_pillow(PillowImage.fromarray(raw))
    file = io.BytesIO()
    heif.save(file, quality=90, exif=orientation_exif(orientation))
    image = read_image(file)
    header = read_header(file)
    assert header.format == "HEIF"
    assert header.size == image.original_size == (64, 32)
    assert difference(image.pixels, scene(64, 32)) < 5


def test_heic_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.photos.formats._has_heif", False)
    file = io.BytesIO(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))
    with pytest.raises(PhotoUnsupported, match=r"segsearch\[heic\]"):
        read_image(file)


@pytest.mark.parametrize("side", [1, 7, 31, 47, 48, 1000])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_longer_side_has_at_most_so_many_pixels(side: int, format: str) -> None:
    image = read_image(saved(scene(), format), max_side=side)
    side = min(side, 48)
    assert image.size == (side, max(1, round(32 * side / 48)))
    assert image.original_size == SCENE


def test_a_thin_photo_keeps_a_pixel() -> None:
    image = read_image(saved(scene(400, 1), "JPEG"), max_side=10)
    assert image.size == (10, 1)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("size", [(1000, 700), (803, 1201)])
@pytest.mark.parametrize("side", [90, 250, 448])
def test_scaled_decoding_equals_full_decoding_reduced(
    options: dict[str, Any], size: tuple[int, int], side: int
) -> None:
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    texture = 25 * np.sin(rows / 9) * np.cos(columns / 7)
    detailed = np.clip(scene(*size) + texture[:, :, None], 0, 255).astype(np.uint8)
    file = saved(detailed, "JPEG", quality=90, **options)
    image = read_image(file, max_side=side)
    full = PillowImage.fromarray(read_image(file).pixels)
    expected = full.resize(image.size[::-1], PillowImage.Resampling.LANCZOS)
    assert difference(image.pixels, np.asarray(expected)) < 0.8


@pytest.mark.parametrize("side", [0, -5])
def test_no_side_is_no_size(side: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_side"):
        read_image(tmp_path / "a.jpg", max_side=side)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_read(format: str) -> None:
    colours = [(200, 30, 20), (20, 30, 200), (10, 200, 30)]
    frames = [PillowImage.new("RGB", (24, 16), colour) for colour in colours]
    file = saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert difference(read_image(file).pixels, np.asarray(frames[0])) < 4


def test_of_a_multi_picture_jpeg_the_first_picture_is_read() -> None:
    other = PillowImage.new("RGB", (10, 10), "red")
    file = saved(scene(), "MPO", save_all=True, append_images=[other], quality=95)
    assert read_header(file).format == "JPEG"
    assert difference(read_image(file).pixels, scene()) < 3


@pytest.mark.parametrize("name", ["photo.jpg", "photo.gif", "photo"])
def test_content_tells_the_format_not_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(saved(scene(), "PNG").getvalue())
    assert read_header(path).format == "PNG"
    np.testing.assert_array_equal(read_image(str(path)).pixels, scene())


@pytest.mark.parametrize(
    "content", [b"Dear diary,\n", b"<svg></svg>", bytes(1000), b"%PDF-1.4", b"PK\3\4", b"\xff\xd8"]
)
def test_what_is_no_photo_is_unsupported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a\n.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoUnsupported, match="holds no photo") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_formats_of_pillow_that_are_no_photos_stay_closed() -> None:
    for format in ("PPM", "ICO", "TGA", "PCX", "EPS"):
        with pytest.raises(PhotoUnsupported):
            read_image(saved(scene(), format))


def test_an_empty_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(PhotoUnreadable, match="is empty"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("format", [*LOSSLESS, *LOSSY, "GIF"])
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_truncated_file_is_unreadable(format: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(noise, format, **{**LOSSLESS, **LOSSY}.get(format, {})).getvalue()
    with pytest.raises(PhotoUnreadable) as caught:
        read_image(io.BytesIO(data[: int(len(data) * share)]))
    assert "\n" not in str(caught.value)


def claimed(format: str, width: int, height: int) -> io.BytesIO:
    """A tiny file whose header claims other measures than it holds."""
    data = bytearray(saved(PillowImage.new("L", (3, 5)), format).getvalue())
    if format == "PNG":
        data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    elif format == "BMP":
        data[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    elif format == "GIF":
        size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        frame = data.index(b",", 13 + (3 << ((data[10] & 7) + 1)))  # after the palette
        data[6:10] = data[frame + 5 : frame + 9] = size
    else:
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return io.BytesIO(bytes(data))


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "JPEG"])
def test_too_many_pixels_are_refused_before_any_is_decoded(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)
    with pytest.raises(PhotoTooLarge, match=r"300\.0 megapixels, more than 200.*`max_megapixels`"):
        read_image(claimed(format, 20000, 15000))


@pytest.mark.parametrize("megapixels", [100, 199])
def test_the_size_limits_of_pillow_are_not_ours(megapixels: int) -> None:
    # 100 megapixels would be a warning, 199 an error of Image.open.
    header = read_header(claimed("PNG", megapixels * 1000, 1000))
    assert header.size == (1000, megapixels * 1000)


def test_more_pixels_are_read_where_that_is_asked_for() -> None:
    file = saved(scene(), "PNG")
    with pytest.raises(PhotoTooLarge):
        read_image(file, max_megapixels=0.001)
    assert read_image(file, max_megapixels=0.002).size == SCENE
    assert read_header(claimed("PNG", 20000, 15000), max_megapixels=400).size == (15000, 20000)


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "JPEG"])
@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (0, 0)])
def test_photos_without_pixels_are_unreadable(format: str, width: int, height: int) -> None:
    with pytest.raises(PhotoUnreadable, match="damaged"):
        read_image(claimed(format, width, height))


def test_too_little_memory_is_a_large_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", full)
    with pytest.raises(PhotoTooLarge, match="memory"):
        read_image(saved(scene(), "BMP"))


def test_nothing_of_pillow_is_changed_even_by_many_threads() -> None:
    before = PillowImage.MAX_IMAGE_PIXELS
    filters = list(warnings.filters)
    odd = [saved(scene(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(200)))] * 8
    files = [io.BytesIO(file.getvalue()) for file in odd] * 10
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(read_image, files))) == 80
    assert before == PillowImage.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


def test_importing_loads_neither_torch_nor_the_heic_extra() -> None:
    code = (
        "import model.photos.images, sys; print({'torch', 'pillow_heif', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_suffixes_are_lower_case_and_either_read_or_not() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"} <= SUFFIXES
    assert not SUFFIXES & UNSUPPORTED_SUFFIXES
    assert ".heic" in SUFFIXES | UNSUPPORTED_SUFFIXES
    assert {".jpe", ".jfif", ".pjpeg", ".mpo", ".insp", ".apng", ".btf", ".dib"} <= SUFFIXES
    assert {".hif", ".heifs", ".heics"} <= SUFFIXES | UNSUPPORTED_SUFFIXES
    for suffix in SUFFIXES | UNSUPPORTED_SUFFIXES:
        assert suffix == suffix.lower()
        assert suffix.startswith(".")
        assert len(suffix) > 1


@pytest.mark.parametrize("suffix", [".jp2", ".psd", ".jpg_original", ".jpeg~", ".mov!", ".png (1)"])
def test_pictures_that_are_not_read_are_known_as_such(suffix: str) -> None:
    assert is_unread_picture(suffix)


@pytest.mark.parametrize("suffix", ["", ".txt", ".jpg", ".jpgx", ".xmp", ".json", ".txt~", ".pngs"])
def test_other_files_are_no_pictures(suffix: str) -> None:
    assert not is_unread_picture(suffix)


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)]
)
def test_an_image_checks_itself(pixels: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="expected H×W×3 uint8"):
        Image(pixels, (2, 2))


def test_a_small_file_of_many_pixels_is_held_once(tmp_path: Path) -> None:
    PillowImage.new("RGB", (8000, 4000), "red").save(tmp_path / "small.png", compress_level=1)
    assert (tmp_path / "small.png").stat().st_size < 1 << 20
    with takes_at_most(6 * 8000 * 4000):  # Pillow's own four bytes a pixel, and some
        read_image(tmp_path / "small.png", max_side=640)
