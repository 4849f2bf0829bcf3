import numpy as np
import pytest
from closeness import assert_close

from model.embedders.attributes.pixel_grid import CELL, SIDE, Cells
from model.masks.segments import Segments
from model.photos.images import Image


@pytest.mark.parametrize("size", [(64, 48), (67, 50), (9, 3), (1, 1)])
def test_means_are_those_of_the_pixels_of_each_cell(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    cells = Cells.of(Image(pixels, size), Segments.empty(size))
    rows, columns = cells.grid
    assert cells.grid == tuple(max(length // CELL, 1) for length in size)
    found = cells.means(pixels.astype(np.float32)).reshape(rows, columns, 3)
    ends = [np.linspace(0, n, k + 1).astype(int) for n, k in zip(size, cells.grid, strict=True)]
    for i in range(rows):
        for j in range(columns):
            part = pixels[ends[0][i] : ends[0][i + 1], ends[1][j] : ends[1][j + 1]]
            assert_close(found[i, j], part.mean(axis=(0, 1)), terms=part[..., 0].size, scale=255)


def test_masks_cover_cells_of_the_photo_at_its_reduced_size() -> None:
    mask = np.zeros((1, 600, 900), np.bool_)
    mask[:, :300] = True
    cells = Cells.of(
        Image(np.zeros((600, 900, 3), np.uint8), (600, 900)), Segments.from_masks(mask)
    )
    assert max(cells.image.size) == SIDE
    cover = cells.cover.reshape(1, *cells.grid)
    assert cover.mean() == pytest.approx(0.5, abs=0.01)
    assert cover[0, 0].min() == 1
    assert cover[0, -1].max() == 0
