import numpy as np
from closeness import assert_close

from model.evaluation.intervals import DRAWS, mean_interval, ratio_interval


def test_intervals_are_of_photos_rather_than_of_cases() -> None:
    chance = np.random.default_rng(0)
    alike = np.repeat(chance.random((40, 1)) < 0.5, 25, axis=0)
    photo = np.repeat(np.arange(40), 25)
    low, high = mean_interval(alike, photo)
    naive = np.sqrt(0.25 / 40) * 1.96  # half a width, were photos the only chance
    assert_close(high - low, np.full(1, 2 * naive), 1, "bfloat16", scale=12)
    single, same = mean_interval(np.ones((3, 2)), np.zeros(3, np.int64))
    assert single.tolist() == same.tolist() == [1, 1]


def test_ratios_are_those_of_photos_drawn_one_by_one() -> None:
    chance = np.random.default_rng(1)
    photo = np.array([7, 7, 3, 9, 9, 9, 4])
    above, below = chance.random((7, 2)), chance.random((7, 2))
    drawn = np.random.default_rng(0).integers(0, 4, (DRAWS, 4))
    ratios = np.empty((DRAWS, 2))
    for draw, places in enumerate(drawn):
        rows = [row for place in places for row in np.flatnonzero(photo == [3, 4, 7, 9][place])]
        for column in range(2):
            ratios[draw, column] = above[rows, column].sum() / below[rows, column].sum()
    expected = np.quantile(ratios, [0.05, 0.95], axis=0)
    assert_close(np.stack(ratio_interval(above, below, photo, 0.9)), expected, 64)


def test_draws_that_say_nothing_are_left_out() -> None:
    photo = np.arange(3)
    below = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    low, high = ratio_interval(np.array([[0, 0], [0, 1], [0, 1]]), below, photo)
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == (1, 1)
