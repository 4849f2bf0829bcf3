import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from model import Image, load_preset
from model.photos.colour_terms import NAMES, colour_terms, to_lab
from model.segmenters.classical.colour_regions import ColourRegionSegmenter


def test_lab_agrees_with_a_library() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3)).astype(np.uint8)
    assert to_lab(pixels) == pytest.approx(rgb2lab(pixels), abs=0.05)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"),
        ((0, 128, 0), "green"),
        ((255, 255, 0), "yellow"),
        ((255, 165, 0), "orange"),
        ((128, 0, 128), "purple"),
        ((255, 192, 203), "pink"),
        ((139, 69, 19), "brown"),
        ((10, 10, 10), "black"),
        ((250, 250, 250), "white"),
        ((128, 128, 128), "grey"),
    ],
)
def test_web_colours_get_their_names(rgb: tuple[int, int, int], name: str) -> None:
    assert NAMES[int(colour_terms(np.array(rgb, np.uint8)))] == name


def test_regions_of_one_colour_are_segments() -> None:
    pixels = np.full((60, 80, 3), 128, np.uint8)
    pixels[10:30, 10:30] = (220, 20, 20)
    pixels[40:50, 50:70] = (220, 20, 20)
    segments = ColourRegionSegmenter(side=80).segment(Image(pixels, (60, 80)))
    assert segments.areas.tolist() == [60 * 80 - 600, 400, 200]


@given(st.text(max_size=50))
def test_any_text_has_a_vector(text: str) -> None:
    embedder = load_preset("colours").build().embedder
    vectors = embedder.embed_texts([text, text])
    assert (vectors.vectors[0] == vectors.vectors[1]).all()


def test_words_that_name_no_colour_agree_with_no_segment() -> None:
    embedder = load_preset("colours").build().embedder
    image = Image(np.full((8, 8, 3), (220, 20, 20), np.uint8), (8, 8))
    assert embedder.embed_texts(["giraffe"]).similarity(embedder.embed_image(image)) == 0
