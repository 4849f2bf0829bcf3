import numpy as np
import pytest

from model.evaluation.retrieval.colour_queries import colour_queries, colour_shares
from model.evaluation.retrieval.colour_survey import surveyed_terms
from model.masks import rle
from model.photos.colour_terms import NAMES, colour_terms

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
    terms = colour_terms(pixels)
    found = colour_shares(terms, rle.encode(drawn), (4, 6))
    assert found[0, [RED, BLUE]] == pytest.approx([0.75, 0.25])
    assert found[1, BLUE] == 1
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert colour_shares(terms, (), (4, 6)).shape == (0, len(NAMES))


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


def test_the_survey_calls_colours_as_people_do() -> None:
    called = {
        (250, 250, 250): "white", (5, 5, 5): "black", (128, 130, 129): "grey",
        (229, 0, 0): "red", (249, 115, 6): "orange", (255, 255, 20): "yellow",
        (21, 176, 26): "green", (3, 67, 223): "blue", (1, 21, 62): "blue", (126, 30, 156): "purple",
        (255, 129, 192): "pink", (101, 55, 0): "brown",
    }  # fmt: skip
    pixels = np.array([list(called)], np.uint8)
    assert [NAMES[term] for term in surveyed_terms(pixels)[0]] == list(called.values())


def test_the_survey_is_searched_in_cielab() -> None:
    """(67, 107, 173) is called "french blue": the table holds the answer of its step's middle."""
    pixels = np.array([[[67, 107, 173], [64, 104, 168]]], np.uint8)
    assert (surveyed_terms(pixels) == NAMES.index("blue")).all()
    every = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    stepped = every // 8 * 8 + 4
    np.testing.assert_array_equal(surveyed_terms(every), surveyed_terms(stepped))
