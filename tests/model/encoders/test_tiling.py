import numpy as np
import pytest
import torch
from closeness import assert_close

from model import Image
from model.encoders.tiling import TiledInput, blended, enlarged, fitted, starts

PATCH = 8 * 8  # pixels, whose mean is all that a patch is
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def photo(height: int = 48, width: int = 96) -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image(pixels, (height, width))


def patch_means(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """A tower that sees nothing but each patch's mean colour."""
    return {"mean": torch.nn.functional.avg_pool2d(pixels, 8).permute(0, 2, 3, 1)}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 200), (112, 224)),
        ((200, 100), (224, 112)),
        ((300, 400), (168, 224)),
        ((1, 999), (8, 224)),
    ],
)
def test_photos_keep_their_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted(size, 230, 8) == expected


@pytest.mark.parametrize(("length", "window"), [(10, 4), (4, 4), (63, 21), (22, 21), (9, 1)])
def test_windows_cover_everything_and_overlap(length: int, window: int) -> None:
    places = starts(length, window, 0.25)
    assert places[0] == 0
    assert places[-1] + window == length
    steps = np.diff(places)
    assert (steps >= 1).all()
    assert (steps <= max(np.ceil(window * 0.75), 1)).all()


def test_the_input_is_standardised() -> None:
    looks = TiledInput(8, 16, 0, 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))
    grey = Image(np.full((16, 16, 3), 102, np.uint8), (16, 16))
    seen = looks.maps([grey], patch_means)[0][0]["mean"]
    assert_close(seen[0, 0], [-0.5, 0.0, 0.2], PATCH, torch.float32, scale=1)


def test_without_tiles_there_is_one_look() -> None:
    whole, all_of_it = TiledInput(8, 96, 0, 32, *PLAIN).maps([photo()], patch_means)[0]
    assert whole is all_of_it
    assert whole["mean"].shape == (6, 12, 3)


def test_tiles_of_a_tower_without_context_are_the_whole_photo_finer() -> None:
    whole, tiled = TiledInput(8, 48, 96, 32, *PLAIN).maps([photo()], patch_means)[0]
    fine = TiledInput(8, 96, 0, 32, *PLAIN).maps([photo()], patch_means)[0][0]["mean"]
    expected = fine + enlarged(whole["mean"], (6, 12))
    assert_close(tiled["mean"], expected, PATCH + 4 * 4)  # and a cell lies in four tiles at most


def test_a_photo_smaller_than_a_tile_is_one_tile() -> None:
    looks: list[torch.Size] = []

    def forward(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        looks.append(pixels.shape)
        return patch_means(pixels)

    TiledInput(8, 32, 48, 96, *PLAIN).maps([photo(48, 48)], forward)
    assert looks == [(1, 3, 32, 32), (1, 3, 48, 48)]


def test_photos_of_one_size_are_looked_at_in_one_pass() -> None:
    passes: list[torch.Size] = []

    def forward(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        passes.append(pixels.shape)
        return patch_means(pixels)

    photos = [photo(48, 96), photo(96, 48), photo(96, 192)]
    looks = TiledInput(8, 48, 96, 32, *PLAIN)
    found = looks.maps(photos, forward)
    assert passes == [(2, 3, 24, 48), (1, 3, 48, 24), (24, 3, 32, 32)]
    for image, pair in zip(photos, found, strict=True):
        for maps, alone in zip(pair, looks.maps([image], patch_means)[0], strict=True):
            assert_close(maps["mean"], alone["mean"], PATCH)


def test_tiles_are_blended_by_the_distance_to_their_edges() -> None:
    tiles = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 4, 4, 1)
    row = blended(tiles, [(0, 0), (0, 2)], (4, 6))[0, :, 0]
    assert_close(row, [0, 0, 1 / 3, 2 / 3, 1, 1], terms=4, dtype=torch.float32)


def test_a_side_shorter_than_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="16 pixels"):
        TiledInput(16, 8, 0, 16, *PLAIN)
