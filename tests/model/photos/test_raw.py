"""RAW photos: minimal DNG files as a camera lays them out, read by preview and by samples."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from model.errors import PhotoTooLarge, PhotoUnreadable, PhotoUnsupported
from model.photos import formats
from model.photos.formats import photo_format
from model.photos.images import read_header, read_image, read_photo
from model.photos.perceptual_hash import perceptual_hash

pytest.importorskip("rawpy")

HEIGHT, WIDTH = 240, 320
SRGB = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
UPRIGHT = {1: 0, 3: 2, 6: 3, 8: 1}  # quarter turns to the left that make it upright


def scene(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[height // 8 : height // 2, width // 8 : width // 2] = (220, 30, 30)
    pixels[height // 2 :, width // 2 :] = (30, 60, 210)
    return pixels


def dng(
    path: Path,
    *,
    orientation: int = 1,
    preview: tuple[int, int] | None = (WIDTH, HEIGHT),
    grey: bool = False,
) -> Path:
    """A camera's file: samples under a Bayer pattern (RGGB), a JPEG of that size beneath.

    Args:
        grey: whether the preview shows nothing of the scene, which tells by what it was read.
    """
    linear = (scene() / 255) ** 2.2
    samples = np.empty((HEIGHT, WIDTH), np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        samples[row::2, column::2] = linear[row::2, column::2, channel] * 65535
    matrix = [part for value in np.ravel(SRGB) for part in (round(value * 10_000), 10_000)]
    said: list[tuple[Any, ...]] = [
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50708, 2, 0, "Toy One", True),
        (271, 2, 0, "Toy", True),
        (272, 2, 0, "One", True),
        (306, 2, 0, "2024:05:06 07:08:09", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50721, 10, 9, tuple(matrix), True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),  # AsShotNeutral
        (50778, 3, 1, 21, True),  # D65
        (50717, 3, 1, 65535, True),
        (274, 3, 1, orientation, True),
    ]
    plain: dict[str, Any] = {"metadata": None, "software": False}
    with tifffile.TiffWriter(path) as file:
        subifds = 0 if preview is None else 1
        file.write(samples, photometric="cfa", subifds=subifds, extratags=said, **plain)
        if preview is not None:
            shown = np.full((preview[1], preview[0], 3), 128, np.uint8)
            if not grey:
                shown = np.asarray(Image.fromarray(scene()).resize(preview))
            jpeg = io.BytesIO()
            Image.fromarray(shown).save(jpeg, "JPEG", quality=90)
            file.write(
                iter([jpeg.getvalue()]), shape=shown.shape, dtype=np.uint8, photometric="ycbcr",
                compression="jpeg", subfiletype=1, rowsperstrip=preview[1], **plain,
            )  # fmt: skip
    return path


def difference(pixels: NDArray[np.uint8], orientation: int = 1) -> float:
    """Mean difference of hue to the scene as it is seen upright, at the pixels' size."""
    upright = Image.fromarray(np.rot90(scene(), UPRIGHT[orientation]).copy())
    wanted = np.asarray(upright.resize(pixels.shape[1::-1]), np.float64)
    return float(np.abs(pixels.astype(np.float64) - wanted).mean())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("preview", [(WIDTH, HEIGHT), None])
@pytest.mark.parametrize("side", [None, 120])
def test_a_raw_photo_is_read_upright(
    tmp_path: Path, orientation: int, preview: tuple[int, int] | None, side: int | None
) -> None:
    photo = read_photo(dng(tmp_path / "a.dng", orientation=orientation, preview=preview),
                       max_side=side)  # fmt: skip
    header = photo.header
    size = (HEIGHT, WIDTH) if orientation in (1, 3) else (WIDTH, HEIGHT)
    assert (header.format, header.size, header.orientation) == ("RAW", size, orientation)
    assert header.camera == "Toy One"
    assert str(header.taken_at) == "2024-05-06 07:08:09"
    assert max(photo.image.size) == (side or WIDTH)
    assert difference(photo.image.pixels, orientation) < (4 if preview else 20)


@pytest.mark.parametrize(
    ("preview", "side", "by_preview"),
    [
        ((WIDTH, HEIGHT), None, True),
        ((WIDTH - 4, HEIGHT - 4), None, True),  # some pixels of the border are left out
        ((80, 60), 64, True),
        ((80, 60), 120, False),
        ((160, 160), 64, False),  # another part of the photo
        ((640, 480), 64, False),  # larger than the photo that it is of
    ],
)
def test_the_preview_is_shown_where_it_is_large_enough(
    tmp_path: Path, preview: tuple[int, int], side: int | None, by_preview: bool
) -> None:
    path = dng(tmp_path / "a.dng", preview=preview, grey=True)
    image = read_image(path, max_side=side)
    assert max(image.size) == (side or WIDTH)
    assert image.original_size == (HEIGHT, WIDTH)
    assert (np.ptp(image.pixels) < 8) == by_preview


def test_raw_and_jpeg_of_one_shot_look_alike(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.jpg", quality=85)
    hashes = [
        perceptual_hash(read_image(path, max_side=120))
        for path in (tmp_path / "a.jpg", dng(tmp_path / "a.dng"),
                     dng(tmp_path / "b.dng", preview=None))
    ]  # fmt: skip
    assert max((hashes[0] ^ other).bit_count() for other in hashes) <= 6


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_file_that_is_cut_short_is_unreadable(tmp_path: Path, share: float) -> None:
    whole = dng(tmp_path / "a.dng").read_bytes()
    (tmp_path / "cut.dng").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(PhotoUnreadable):
        read_image(tmp_path / "cut.dng", max_side=100)


def test_damage_is_one_error_or_none(tmp_path: Path) -> None:
    whole = bytearray(dng(tmp_path / "a.dng").read_bytes())
    chance = np.random.default_rng(3)
    told: list[str] = []
    for _ in range(60):
        body = bytearray(whole)
        places = chance.integers(4, min(len(body), 2000), 6)
        for place in places:
            body[place] = chance.integers(256)
        (tmp_path / "b.dng").write_bytes(body)
        try:
            read_image(tmp_path / "b.dng", max_side=100)
        except (PhotoUnreadable, PhotoUnsupported, PhotoTooLarge) as error:
            told.append(str(error))
    assert all("b.dng" in line and "\n" not in line for line in told)


def test_memory_is_bounded_by_the_header(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", preview=None)
    with pytest.raises(PhotoTooLarge, match="megapixels"):
        read_image(path, max_megapixels=0.05)
    body = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        width, height = (file.pages[0].tags[tag].valueoffset for tag in (256, 257))
    for place in (width, height):
        body = body[:place] + (60_000).to_bytes(4, "little") + body[place + 4 :]
    (tmp_path / "huge.dng").write_bytes(body)
    with pytest.raises((PhotoTooLarge, PhotoUnreadable)):
        read_image(tmp_path / "huge.dng", max_side=100)


@pytest.mark.parametrize(
    ("prefix", "name", "kind"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0", "", "RAW"),
        (b"II*\0\x08\0\0\0", "a.NEF", "RAW"),
        (b"MM\0*\0\0\0\x08", "x/a.dng", "RAW"),
        (b"II*\0\x08\0\0\0", "a.tif", "TIFF"),
        (b"FUJIFILMCCD-RAW 0201", "a.jpg", "RAW"),
        (b"IIRO\x08\0\0\0", "", "RAW"),
        (b"IIU\0\x18\0\0\0", "a.rw2", "RAW"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a.cr3", "RAW"),
        (b"\xff\xd8\xff\xe0", "a.dng", "JPEG"),
    ],
)
def test_raw_formats_are_known_by_bytes_and_name(prefix: bytes, name: str, kind: str) -> None:
    assert photo_format(prefix.ljust(64, b"\0"), name) == kind


def test_what_libraw_does_not_know_is_unsupported(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.tif")
    (tmp_path / "a.tif").rename(tmp_path / "a.nef")
    with pytest.raises((PhotoUnsupported, PhotoUnreadable)):
        read_header(tmp_path / "a.nef")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_has_raw", False)
    with pytest.raises(PhotoUnsupported, match=r"a RAW photo: install segsearch\[raw\]"):
        read_image(dng(tmp_path / "a.dng"))


def test_importing_does_not_load_the_extra() -> None:
    code = "import sys, json, model.photos.images; print(json.dumps('rawpy' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) is False


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO(dng(tmp_path / "a.dng", preview=None).read_bytes())
    file.name = "a.dng"  # type: ignore[attr-defined]
    assert read_image(file).size == (HEIGHT, WIDTH)
    assert capfd.readouterr() == ("", "")
