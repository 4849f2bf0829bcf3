import random
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.ground_truth import Region, TruePhoto
from model.masks import rle
from model.training.dense_masks.augmentation import View, ViewSettings, drawn_view

PLAIN = np.tile(np.arange(256, dtype=np.uint8), (3, 1))


def photo_of(drawn: NDArray[np.bool_]) -> TruePhoto:
    regions = tuple(Region(counts, (), "object", None) for counts in rle.encode(drawn))
    return TruePhoto("source", Path(), (drawn.shape[1], drawn.shape[2]), regions, ())


def rectangles(
    random_: np.random.Generator, size: tuple[int, int], count: int
) -> NDArray[np.bool_]:
    drawn = np.zeros((count, *size), np.bool_)
    for mask in drawn:
        y, x = (random_.integers(0, length - 12) for length in size)
        mask[y : y + random_.integers(12, 40), x : x + random_.integers(12, 40)] = True
    return drawn


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_region_enlarged_and_mirrored_equals_the_naive_transform(mirrored: bool) -> None:
    drawn = rectangles(np.random.default_rng(0), (60, 90), 5)
    view = View((10, 20, 32, 48), (64, 96), mirrored, PLAIN)
    targets = view.targets(drawn).numpy()
    kept = 0
    for mask in drawn:
        part = mask[10:42, 20:68]
        if part.sum() < 0.3 * mask.sum() and part.sum() < 0.1 * part.size:
            continue
        part = part[:, ::-1] if mirrored else part
        assert_close(targets[kept], part.reshape(16, 2, 24, 2).mean(axis=(1, 3)), terms=2 * 2 + 2)
        kept += 1
    assert kept == len(targets) > 1


@pytest.mark.parametrize("mirrored", [False, True])
def test_pixels_and_regions_move_together(mirrored: bool) -> None:
    """A region that is exactly what is bright stays exactly what is bright."""
    drawn = np.zeros((1, 128, 160), np.bool_)
    drawn[0, 40:88, 48:96] = True
    pixels = np.where(drawn[0, :, :, None], 200, 50).astype(np.uint8).repeat(3, axis=2)
    view = View((16, 32, 96, 96), (192, 192), mirrored, PLAIN)
    seen = view.pixels(pixels)
    assert seen.shape == (192, 192, 3)
    bright = (seen[..., 0] > 125).reshape(48, 4, 48, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(view.targets(drawn)[0].numpy(), bright, atol=0.3)
    assert np.abs(view.targets(drawn)[0].numpy() - bright).mean() < 0.01


def test_a_view_of_everything_is_the_photo_resized() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    seen = View((0, 0, 50, 70), (64, 96), False, PLAIN).pixels(pixels)
    resized = PillowImage.fromarray(pixels).resize((96, 64), PillowImage.Resampling.BILINEAR)
    np.testing.assert_array_equal(seen, np.asarray(resized))


def test_regions_of_which_little_is_left_are_not_taught() -> None:
    drawn = np.zeros((4, 128, 128), np.bool_)
    drawn[0, 0:40, 0:64] = True  # a fifth of it lies in the view, and little of the view
    drawn[1, 40:60, 40:60] = True
    drawn[2, 70:71, 70:71] = True  # all of it, but a fortieth of a cell
    drawn[3] = True  # a quarter of it, all of the view
    view = View((32, 32, 64, 64), (64, 64), False, PLAIN)
    assert [round(float(region.mean()), 3) for region in view.targets(drawn)] == [0.098, 1.0]
    assert view.targets(drawn[2:3]).shape == (1, 16, 16)  # better than nothing


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_views_show_some_region_and_lie_in_the_photo(seed: int) -> None:
    chance = random.Random(seed)
    size = (chance.randint(64, 120), chance.randint(64, 120))
    photo = photo_of(drawn := rectangles(np.random.default_rng(seed), size, 2))
    views = ViewSettings(sides=(64, 96, 160), windows=(64, 128), light=0.3)
    sizes = views.drawn(size, chance)
    view = drawn_view(photo, drawn, sizes, views, chance)
    top, left, height, width = view.box
    assert view.size == sizes[1] <= sizes[0]
    assert 0 <= top <= top + height <= size[0]
    assert 0 <= left <= left + width <= size[1]
    assert height / size[0] == pytest.approx(sizes[1][0] / sizes[0][0], abs=0.501 / size[0])
    targets = view.targets(drawn)
    assert targets.shape[1:] == (view.size[0] // 4, view.size[1] // 4)
    assert (targets.sum(dim=(1, 2)) > 0).all()
    assert len(targets)


def test_the_light_changes_within_its_bounds() -> None:
    photo = photo_of(drawn := np.ones((1, 64, 64), np.bool_))
    grey = np.full((64, 64, 3), 128, np.uint8)
    seen = []
    for seed in range(40):
        views = ViewSettings(sides=(64,), windows=(64,), light=0.2)
        view = drawn_view(photo, drawn, ((64, 64), (64, 64)), views, random.Random(seed))
        seen.append(view.pixels(grey)[0, 0])
    assert np.ptp(np.stack(seen), axis=0).min() > 20
    assert np.min(seen) > 85
    assert np.max(seen) < 185
    dark = drawn_view(photo, drawn, ((64, 64), (64, 64)), ViewSettings(), random.Random(0))
    np.testing.assert_array_equal(dark.table, PLAIN)
    assert torch.equal(dark.targets(drawn), torch.ones(1, 16, 16))


@pytest.mark.parametrize(
    "wrong", [{"sides": ()}, {"windows": ()}, {"sides": (450,)}, {"windows": (448, 0)}]
)
def test_sizes_that_make_no_views_are_refused(wrong: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ViewSettings(**wrong)  # type: ignore[arg-type]
