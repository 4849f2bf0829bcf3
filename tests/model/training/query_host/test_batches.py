from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st

from model.datasets.ground_truth import Region, TruePhoto
from model.masks import rle
from model.training.query_host.batches import covered, targets


def photo(drawn: np.ndarray) -> TruePhoto:
    regions = tuple(Region(counts, ("thing",), "object", None) for counts in rle.encode(drawn))
    return TruePhoto("some", Path("a.png"), drawn.shape[1:], regions, ())


@pytest.mark.numeric
@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_cover_is_the_mean_of_the_pixels_under_a_cell(down: int, across: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).random((3, 4 * down, 6 * across)) > 0.5
    naive = drawn.reshape(3, 4, down, 6, across).mean(axis=(2, 4))
    found = covered(photo(drawn), photo(drawn).regions, (4, 6))
    assert_close(found, torch.from_numpy(naive), down * across, "float32")


def test_a_target_is_what_is_mostly_covered_and_of_thin_regions_the_best_pixels() -> None:
    drawn = np.zeros((3, 8, 8), np.bool_)
    drawn[0, 2:6, 2:5] = True  # half of the second column
    drawn[1, 7, 1:3] = True  # a quarter of two pixels: the best there is
    found = targets(photo(drawn), photo(drawn).regions, (4, 4))
    assert found.dtype == torch.bool
    assert found[0].nonzero().tolist() == [[1, 1], [2, 1]]
    assert found[1].nonzero().tolist() == [[3, 0], [3, 1]]
    assert not found[2].any()  # nothing is covered


def test_a_prompt_that_nothing_shows_has_no_target() -> None:
    some = photo(np.ones((1, 8, 8), np.bool_))
    assert targets(some, [], (32, 64)).shape == (0, 32, 64)
    assert targets(some, some.regions, (32, 64)).all()  # enlarged
