import numpy as np
import pytest

from model import masks
from model.colour_names import NAMES
from model.evaluation.colours import colour_queries, colour_shares

RED, BLUE = NAMES.index("red"), NAMES.index("blue")


def shares(*reds: float) -> np.ndarray:
    table = np.zeros((len(reds), len(NAMES)), np.float32)
    table[:, RED] = reds
    table[:, BLUE] = 1 - np.array(reds)
    return table


def test_colours_are_counted_under_the_mask() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :3], pixels[:, 3:] = (225, 20, 20), (25, 50, 215)
    drawn = np.zeros((2, 4, 6), np.bool_)
    drawn[0, :, :4], drawn[1, 0, 5] = True, True
    found = colour_shares(pixels, masks.encode(drawn), (4, 6))
    assert found[0, [RED, BLUE]] == pytest.approx([0.75, 0.25])
    assert found[1, BLUE] == 1
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert colour_shares(pixels, (), (4, 6)).shape == (0, len(NAMES))


def test_a_colour_is_asked_of_the_phrases_clear_segments() -> None:
    relevant = np.array([[1, 1, 1, 1, 1, 1, 0]], np.bool_)
    table = shares(0.9, 0.6, 0.35, 0.1, 0.0, 0.2, 1.0)  # the third is neither red nor not
    red, blue = colour_queries(["car door"], relevant, table)
    assert (red.text, blue.text) == ("red car door", "blue car door")
    assert red.rows.tolist() == [0, 1, 3, 4, 5]
    assert red.right.tolist() == [True, True, False, False, False]
    assert blue.rows.tolist() == [0, 2, 3, 4, 5]  # the second is 0.4 blue
    assert blue.right.tolist() == [False, True, True, True, True]


def test_what_cannot_be_told_apart_is_not_asked() -> None:
    every = np.ones((1, 5), np.bool_)
    mixed = shares(0.9, 0.9, 0.0, 0.0, 0.0)
    assert list(colour_queries(["white wine"], every, mixed)) == []
    assert list(colour_queries(["door"], every, shares(1, 1, 1, 1, 1))) == []  # all are red
    assert list(colour_queries(["door"], every[:, :4], mixed[:4])) == []  # too few
    assert len(list(colour_queries(["door"], every, mixed))) == 2
