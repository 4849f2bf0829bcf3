import numpy as np
import pytest
import torch
from closeness import assert_close
from numpy.typing import NDArray
from tiny_clips import noise_with_segments, tiny_clip
from torch.nn import functional

from model.masks.segments import Segments
from model.referring.segment_pictures import BLURRED_AT, RADIUS, SIGMA, SegmentPictures, blurred
from model.referring.settings import Background

BOXES = [(8, 4, 50, 40), (20, 20, 60, 30), (0, 0, 64, 48)]


def naively_blurred(pixels: NDArray[np.uint8], sigma: float, radius: int) -> NDArray[np.float64]:
    """Every pixel as the weighted mean of those around it, mirrored at the edges."""
    height, width, _ = pixels.shape
    around = np.arange(-radius, radius + 1)
    weights = np.exp(-(around**2) / (2 * sigma**2))
    table = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(pixels.astype(np.float64), ((radius,) * 2, (radius,) * 2, (0, 0)), "reflect")
    result = np.zeros(pixels.shape)
    for y in range(height):
        for x in range(width):
            window = padded[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
            result[y, x] = (window * table[..., None]).sum(axis=(0, 1))
    return result


@pytest.mark.parametrize(("size", "radius"), [((8, BLURRED_AT), RADIUS), ((24, 192), 2)])
def test_a_blur_is_the_mean_of_the_pixels_around(size: tuple[int, int], radius: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    expected = naively_blurred(pixels, SIGMA * size[1] / BLURRED_AT, radius)
    assert_close(blurred(pixels), expected, 15 * 15)


def test_photos_of_any_size_are_blurred() -> None:
    one = np.full((1, 1, 3), 7, np.uint8)
    assert_close(blurred(one), one, 4)
    thin = np.full((1, 3000, 3), 9, np.uint8)
    assert_close(blurred(thin), thin, 99)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("background", ["mean", "released", "blurred"])
def test_a_segment_lies_before_its_background(background: Background, dtype: torch.dtype) -> None:
    clip, (image, segments) = tiny_clip("vit", dtype), noise_with_segments()
    mean, deviation = (np.array(each)[:, None, None] for each in (clip.mean, clip.deviation))

    def standard(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
        return np.asarray((pixels.transpose(2, 0, 1) / 255 - mean) / deviation)

    shown = standard(image.pixels)
    behind = {
        "mean": np.zeros((3, 1, 1)),
        "released": np.array([0.485, 0.456, 0.406])[:, None, None],
        "blurred": standard(naively_blurred(image.pixels, SIGMA * 64 / BLURRED_AT, 1)),
    }[background]
    pictures = SegmentPictures(clip)
    crops = pictures.crops(image, segments, background)
    frames = pictures.frames(image, segments, background)
    for number, (x0, y0, x1, y1) in enumerate(BOXES):
        filled = np.where(segments.masks()[number], shown, behind)
        for found, expected in ((crops, filled[:, y0:y1, x0:x1]), (frames, filled)):
            resized = functional.interpolate(
                torch.from_numpy(expected.copy())[None],
                size=(32, 32),
                mode="bicubic",
                antialias=True,
                align_corners=False,
            )
            assert_close(found[number], resized[0], 64 * 64)
    assert_close(frames[2], pictures.whole(image)[0], 64 * 64)


def test_no_segments_have_no_pictures() -> None:
    image, _ = noise_with_segments()
    pictures = SegmentPictures(tiny_clip("vit"))
    for found in (pictures.crops, pictures.frames):
        assert found(image, Segments.empty((48, 64)), "blurred").shape == (0, 3, 32, 32)
