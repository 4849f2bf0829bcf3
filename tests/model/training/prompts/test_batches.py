import random
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from PIL import Image as PillowImage
from segment_anything import SamPredictor

from model.datasets.ground_truth import Region, TruePhoto
from model.encoders.efficientnet import EfficientNetTrunk
from model.masks import rle
from model.segmenters.promptable.network import PromptedSam, PromptedShape
from model.training.prompts.batches import (
    PromptPhotos,
    Views,
    framed,
    framed_masks,
    shown_photo,
)

SIDE = 96
COLOUR = (230, 40, 40)


def made_photo(folder: Path, squares: int = 3, size: tuple[int, int] = (120, 90)) -> TruePhoto:
    """A photo of red squares on black, each of them a region."""
    random = np.random.default_rng(squares)
    pixels = np.zeros((*size, 3), np.uint8)
    regions = []
    for _ in range(squares):
        mask = np.zeros(size, np.bool_)
        y, x = random.integers(0, size[0] - 30), random.integers(0, size[1] - 30)
        mask[y : y + 30, x : x + 30] = True
        pixels[mask] = COLOUR
        regions.append(Region(rle.encode(mask[None])[0], (), "object", None))
    path = folder / f"{squares}.png"
    PillowImage.fromarray(pixels).save(path)
    return TruePhoto("squares", path, size, tuple(regions), ())


@pytest.fixture
def photo(tmp_path: Path) -> TruePhoto:
    return made_photo(tmp_path)


@pytest.mark.parametrize("size", [(50, 96), (96, 50), (300, 201), (7, 5)])
def test_the_frame_is_the_predictors(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    sam = PromptedSam(EfficientNetTrunk.shared(), PromptedShape(width=16, heads=1, neck=8), SIDE)
    predictor, seen = SamPredictor(sam), []
    sam.image_encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    predictor.set_image(pixels)
    assert_close(framed(pixels, SIDE), seen[0][0], terms=4)


@pytest.mark.parametrize("size", [(40, 96), (96, 57), (192, 192)])
def test_cells_hold_the_share_that_is_covered(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    drawn = random.random((2, *size)) < 0.5
    cover = framed_masks(drawn, SIDE)
    assert cover.shape == (2, SIDE // 4, SIDE // 4)
    cell = 4 * max(size) / SIDE
    terms = sum(size)  # a row and a column of the photo for each cell
    for row, column in ((0, 0), (3, 5), (7, 2)):
        ys, xs = (
            slice(int(row * cell), int((row + 1) * cell)),
            slice(int(column * cell), int((column + 1) * cell)),
        )
        naive = drawn[:, ys, xs].mean(axis=(1, 2))
        assert_close(cover[:, row, column], naive, terms, scale=1)
    total = drawn.sum(axis=(1, 2)) / cell**2
    assert_close(cover.sum(dim=(1, 2)), total, terms + cover[0].numel())


@pytest.mark.parametrize("seed", range(12))
def test_regions_lie_on_what_is_shown(photo: TruePhoto, seed: int) -> None:
    views = Views(SIDE, prompts=4, zoom=0.8)
    pixels, cover = shown_photo(photo, views, random.Random(seed))
    assert (pixels.shape, cover.shape) == ((3, SIDE, SIDE), (4, SIDE // 4, SIDE // 4))
    red = pixels[0, 2::4, 2::4]
    assert (cover.sum(dim=(1, 2)) > 0).all()
    assert (red[(cover == 1).any(dim=0)] > 0.5).all()  # everything outlined is red there


def test_an_epoch_depends_on_its_seed_alone(photo: TruePhoto) -> None:
    def batch(seed: int) -> torch.Tensor:
        epoch = PromptPhotos([photo], [[0, 0]], [Views(SIDE, 2)], [1], frozenset(), seed)
        assert len(epoch) == 1
        return epoch[0].pixels

    assert torch.equal(batch(3), batch(3))
    assert any(not torch.equal(batch(3), batch(other)) for other in range(4, 9))


def test_a_photo_of_tiny_regions_is_still_of_use(tmp_path: Path) -> None:
    path = tmp_path / "dots.png"
    PillowImage.new("RGB", (90, 120)).save(path)
    mask = np.zeros((120, 90), np.bool_)
    mask[60, 40] = True
    region = Region(rle.encode(mask[None])[0], (), "object", None)
    photo = TruePhoto("dots", path, (120, 90), (region,), ())
    _, cover = shown_photo(photo, Views(SIDE, 2, zoom=1.0), random.Random(0))
    assert (cover.sum(dim=(1, 2)) > 0).all()
