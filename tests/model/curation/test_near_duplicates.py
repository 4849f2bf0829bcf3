"""Photos that come again are known whatever their size, others are not; equal to a naive loop."""

import imagehash
import numpy as np
import pytest
from PIL import Image as PillowImage

from model.curation.near_duplicates import SeenPhotos
from model.photos.images import Image
from model.photos.perceptual_hash import perceptual_hash


def painted(seed: int, side: int = 64) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    large = PillowImage.fromarray(coarse).resize((side, side), PillowImage.Resampling.BICUBIC)
    return Image(np.array(large), (side, side))


def test_a_photo_of_another_size_comes_again() -> None:
    seen = SeenPhotos(3)
    assert seen.is_new(perceptual_hash(painted(1)))
    assert not seen.is_new(perceptual_hash(painted(1, side=200)))
    assert seen.is_new(perceptual_hash(painted(2)))


@pytest.mark.parametrize("bits", [-1, 0, 3, 20])
def test_as_a_naive_loop_has_it(bits: int) -> None:
    chance = np.random.default_rng(0)
    hashes = ["".join(chance.choice(list("0f"), 16)) for _ in range(60)]
    hashes += [each[:-1] + "1" for each in hashes[:20]]
    seen, kept, expected = SeenPhotos(bits), [], []
    for each in hashes:
        if seen.is_new(int(each, 16)):
            kept.append(each)
        own = imagehash.hex_to_hash(each)
        if all(own - imagehash.hex_to_hash(other) > bits for other in expected):
            expected.append(each)
    assert kept == expected


def test_more_photos_than_room_was_made_for() -> None:
    seen = SeenPhotos(0)
    for number in range(1500):
        assert seen.is_new(number)
    assert not seen.is_new(1234)
