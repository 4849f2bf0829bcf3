import numpy as np
import pytest
from closeness import assert_unit
from hypothesis import given
from hypothesis import strategies as st

from model import Image, Segments
from model.embedders.attributes.colours import COLOUR_WORDS, COMPONENTS, region_colours
from model.embedders.attributes.pixel_grid import Cells


def words(text: str) -> set[str]:
    return {COMPONENTS[i] for i in np.flatnonzero(COLOUR_WORDS.asked([text])[0])}


@pytest.mark.parametrize(
    ("text", "colours", "rest"),
    [
        ("red car door", {"red"}, "car door"),
        ("RED", {"red"}, "RED"),
        ("light blue shirt", {"light", "blue"}, "shirt"),
        ("traffic light", set(), "traffic light"),
        ("dark-green tree", {"dark", "green"}, "tree"),
        ("a gray-coloured cat", {"grey"}, "a cat"),
        ("black and white dog", {"black", "white"}, "dog"),
        ("blue-eyed cat", set(), "blue-eyed cat"),
        ("redwood and blackbirds", set(), "redwood and blackbirds"),
        ("navy trousers", {"blue"}, "trousers"),
        ("", set(), ""),
    ],
)
def test_colour_words_are_read(text: str, colours: set[str], rest: str) -> None:
    assert words(text) == colours
    assert COLOUR_WORDS.without(text) == rest


@given(st.text(max_size=40))
def test_any_text_is_read(text: str) -> None:
    length = np.linalg.norm(COLOUR_WORDS.asked([text]))
    assert length == pytest.approx(1) or length == 0
    assert COLOUR_WORDS.without(text) or not text


def test_what_is_seen_is_what_is_under_the_mask() -> None:
    pixels = np.full((40, 60, 3), (20, 155, 40), np.uint8)
    pixels[:, :32] = (225, 20, 20)
    masks = np.zeros((3, 40, 60), np.bool_)
    masks[0, :, :32], masks[1, :, 32:], masks[2] = True, True, True
    found = region_colours(Cells.of(Image(pixels, (40, 60)), Segments.from_masks(masks)))
    assert_unit(found)
    red, green = COMPONENTS.index("red"), COMPONENTS.index("green")
    assert found[0, red] > 0.85 > found[0, green] == 0
    assert found[1, green] > 0.85
    assert found[2, red] == pytest.approx(found[2, green], abs=0.1)
    assert found[2, COMPONENTS.index("colourful")] > 0.2


def test_a_mask_of_one_pixel_has_a_colour() -> None:
    mask = np.zeros((1, 300, 400), np.bool_)
    mask[0, 7, 9] = True
    pixels = np.zeros((300, 400, 3), np.uint8)
    found = region_colours(Cells.of(Image(pixels, (300, 400)), Segments.from_masks(mask)))
    assert found[0].argmax() == COMPONENTS.index("black")
