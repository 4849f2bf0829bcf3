from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close

from model import Segments
from model.masks import rle
from model.masks.coverage import coverage


def blobs(size: tuple[int, int], count: int = 12) -> np.ndarray:
    random = np.random.default_rng(sum(size))
    drawn = random.random((count, *size)) < random.random((count, 1, 1)) ** 3
    drawn[0] = True
    drawn[1] = False
    drawn[1, -1, -1] = True
    drawn[2] = False
    drawn[2, 0, 0] = True
    drawn[3:6, :, size[1] // 3 :] = False
    drawn[:, size[0] // 2, size[1] // 4] = True
    return drawn


@pytest.mark.parametrize("size", [(48, 64), (37, 53), (5, 7), (1, 9), (64, 3)])
@pytest.mark.parametrize("grid", [(6, 8), (7, 5), (1, 1), (21, 28), (2, 40)])
def test_it_is_the_drawn_mask_averaged(size: tuple[int, int], grid: tuple[int, int]) -> None:
    drawn = blobs(size)
    found = coverage(Segments.from_masks(drawn), grid)
    expected = rle.pool(drawn.astype(np.float32), grid).reshape(len(drawn), -1)
    assert_close(found, expected, terms=sum(size))
    assert (found.sum(dim=1) > 0).all()


def test_no_segments_cover_nothing() -> None:
    assert coverage(Segments.empty((8, 8)), (2, 3)).shape == (0, 6)


def test_run_lengths_of_another_size_are_refused() -> None:
    segments = Segments.from_masks(blobs((48, 64)))
    with pytest.raises(ValueError, match=r"\(48, 65\)"):
        coverage(replace(segments, size=(48, 65)), (2, 3))
