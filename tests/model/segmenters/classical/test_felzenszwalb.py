import numpy as np
import pytest

from model.masks import rle
from model.photos.images import Image
from model.segmenters.classical.felzenszwalb import FelzenszwalbSegmenter


def scene(height: int = 240, width: int = 320) -> tuple[Image, np.ndarray]:
    """A red disc and a two-coloured box on grass, and the masks of disc and box."""
    random = np.random.default_rng(3)
    pixels = np.full((height, width, 3), (60, 140, 60), np.float32)
    y, x = np.mgrid[:height, :width]
    disc = (y - 70) ** 2 + (x - 80) ** 2 < 40**2
    box = (y > 120) & (y < 200) & (x > 180) & (x < 280)
    pixels[disc] = (200, 30, 30)
    pixels[box] = (40, 40, 180)
    pixels[box & (x > 230)] = (60, 60, 220)
    pixels += random.normal(0, 3, pixels.shape)
    image = np.clip(pixels, 0, 255).astype(np.uint8)
    return Image(image, (height, width)), np.stack([disc, box])


def test_objects_are_found_as_wholes() -> None:
    image, truth = scene()
    segments = FelzenszwalbSegmenter().segment(image)
    overlap = rle.iou(rle.encode(truth), segments.counts, segments.size)
    assert overlap.max(axis=1).min() > 0.9


def test_segments_are_distinct_large_enough_and_best_first() -> None:
    image, _ = scene()
    segments = FelzenszwalbSegmenter(most=12).segment(image)
    assert 2 <= len(segments) <= 12
    assert (np.diff(segments.quality) <= 0).all()
    assert segments.areas.min() >= 0.002 * 240 * 320
    overlap = rle.iou(segments.counts, segments.counts, segments.size)
    np.fill_diagonal(overlap, 0)
    assert overlap.max() < 0.8


def test_large_photos_are_worked_on_at_the_working_size() -> None:
    image, _ = scene(600, 800)
    assert FelzenszwalbSegmenter(side=160).segment(image).size == (120, 160)


def test_the_same_photo_gives_the_same_segments() -> None:
    image, _ = scene()
    first, second = (FelzenszwalbSegmenter().segment(image) for _ in range(2))
    assert first.counts == second.counts


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (400, 7), (8, 8), (64, 8)])
@pytest.mark.parametrize("noise", [0, 90])
def test_odd_photos_have_at_least_one_segment(size: tuple[int, int], noise: int) -> None:
    pixels = np.full((*size, 3), 120, np.uint8)
    pixels += np.random.default_rng(0).integers(0, noise + 1, pixels.shape).astype(np.uint8)
    assert len(FelzenszwalbSegmenter().segment(Image(pixels, size))) >= 1
