import io

import numpy as np
from PIL import Image as PillowImage

from model.photos.images import Image, read_image
from model.photos.pixel_digest import pixel_digest

PIXELS = np.random.default_rng(3).integers(0, 256, (12, 20, 3), np.uint8)


def png(pixels: np.ndarray, **options: object) -> Image:
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG", **options)
    return read_image(file)


def test_metadata_and_packing_do_not_count() -> None:
    exif = PillowImage.Exif()
    exif[0x4746] = 5  # Rating
    plain = pixel_digest(png(PIXELS))
    assert len(plain) == 32
    assert pixel_digest(png(PIXELS, exif=exif)) == plain
    assert pixel_digest(png(PIXELS, compress_level=1)) == plain


def test_an_orientation_that_is_told_or_applied_is_the_same_photo() -> None:
    exif = PillowImage.Exif()
    exif[274] = 6  # turned by a quarter on reading
    applied = np.ascontiguousarray(np.rot90(PIXELS, -1))
    assert pixel_digest(png(PIXELS, exif=exif)) == pixel_digest(png(applied))
    assert pixel_digest(png(PIXELS, exif=exif)) != pixel_digest(png(PIXELS))


def test_one_pixel_the_shape_and_the_full_size_count() -> None:
    digest = pixel_digest(Image(PIXELS, (12, 20)))
    other = PIXELS.copy()
    other[3, 4, 1] ^= 1
    assert pixel_digest(Image(other, (12, 20))) != digest
    assert pixel_digest(Image(PIXELS, (24, 40))) != digest
    assert pixel_digest(Image(PIXELS.reshape(20, 12, 3), (20, 12))) != digest
    assert pixel_digest(Image(np.asfortranarray(PIXELS), (12, 20))) == digest
