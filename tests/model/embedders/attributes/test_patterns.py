from __future__ import annotations

import numpy as np
import pytest
from closeness import assert_close, assert_unit
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.embedders.attributes.patterns import (
    PATTERN_WORDS,
    PATTERNS,
    region_patterns,
    region_statistics,
)
from model.embedders.attributes.pixel_grid import CELL, Cells
from model.masks.segments import Segments
from model.photos.images import Image

Y, X = np.mgrid[:160, :200]
Light = NDArray[np.float64]


def stripes(angle: float, period: float) -> Light:
    across = np.cos(angle) * X + np.sin(angle) * Y
    return np.where(np.sin(2 * np.pi * across / period) > 0, 0.75, 0.25)


def checks(period: int) -> Light:
    return np.where((X // period + Y // period) % 2, 0.75, 0.25)


def dots(period: int) -> Light:
    away = np.hypot(X % period - period / 2, Y % period - period / 2)
    return np.where(away < period / 3, 0.85, 0.3)


OVAL = ((X - 100) / 80) ** 2 + ((Y - 80) / 60) ** 2 < 1


def photo(light: Light, *before: NDArray[np.bool_]) -> Cells:
    """An oval with that light on a ground of another, and a little noise; the oval's mask comes
    after others."""
    noise = np.random.default_rng(0).normal(0, 0.01, X.shape)
    grey = np.clip(np.where(OVAL, light, 0.95) + noise, 0, 1) * 255
    pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    return Cells.of(Image(pixels, (160, 200)), Segments.from_masks(np.stack([*before, OVAL])))


def told(light: Light) -> str:
    return PATTERNS[int(region_patterns(photo(light))[0].argmax())]


@pytest.mark.parametrize("period", [7, 10, 16])
@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 2])
def test_stripes_are_striped_whatever_their_direction(angle: float, period: float) -> None:
    assert told(stripes(angle, period)) == "striped"


@pytest.mark.parametrize("period", [6, 9, 14])
def test_checks_and_dots_are_patterned(period: int) -> None:
    assert told(checks(period)) == "patterned"
    assert told(dots(period)) == "patterned"


@pytest.mark.parametrize(
    "light", [np.full(X.shape, 0.4), 0.2 + X / 400, 0.5 + 0.1 * np.sin(Y / 25)]
)
def test_what_has_one_tone_or_shades_off_is_plain(light: Light) -> None:
    assert told(light) == "plain"


def test_the_outline_of_a_region_is_no_pattern_of_it() -> None:
    contrast = [region_statistics(photo(np.full(X.shape, light)))[0, 2] for light in (0.05, 0.9)]
    assert max(contrast) < np.log(0.02)  # the noise alone, not the step to the ground
    assert told(np.full(X.shape, 0.05)) == "plain"


def test_statistics_are_those_of_the_region_alone() -> None:
    left = np.zeros((160, 200), np.bool_)
    left[:, :20] = True
    alone = region_statistics(photo(stripes(0, 10)))[0]
    cells = (160 // CELL) * (200 // CELL)  # added up for each mean
    beside_another = region_statistics(photo(stripes(0, 10), left))[1]
    assert_close(beside_another, alone, cells, "float32")
    gradient = region_statistics(photo(0.2 + X / 400))[0]
    assert gradient[3] > 0.6  # nearly all edges in one direction
    assert alone[3] < 0.1  # as many up as down


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (50, 2), (7, 9)])
def test_tiny_photos_and_thin_masks_have_some_pattern(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    thin = np.zeros((2, *size), np.bool_)
    thin[0, 0, 0] = thin[1] = True
    rows = region_patterns(Cells.of(Image(pixels, size), Segments.from_masks(thin)))
    assert_unit(rows)
    assert region_patterns(Cells.of(Image(pixels, size), Segments.empty(size))).shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "words", "rest"),
    [
        ("striped shirt", {"striped"}, "shirt"),
        ("a shirt with stripes", {"striped"}, "a shirt"),
        ("Pinstriped suit", {"striped"}, "suit"),
        ("polka-dot dress", {"patterned", "striped"}, "dress"),
        ("chequered floor", {"patterned", "striped"}, "floor"),
        ("red plaid skirt", {"patterned", "striped"}, "red skirt"),
        ("plain white wall", {"plain"}, "white wall"),
        ("a grassy plain", set(), "a grassy plain"),
        ("stripes", {"striped"}, "stripes"),
        ("checkers", set(), "checkers"),
        ("", set(), ""),
    ],
)
def test_pattern_words_are_found_and_taken_out(text: str, words: set[str], rest: str) -> None:
    (row,) = PATTERN_WORDS.asked([text])
    assert {PATTERNS[i] for i in np.flatnonzero(row)} == words
    assert np.linalg.norm(row) == pytest.approx(1 if words else 0)
    assert PATTERN_WORDS.without(text) == rest


@given(st.text(max_size=40))
def test_any_text_is_accepted(text: str) -> None:
    assert np.linalg.norm(PATTERN_WORDS.asked([text])) == pytest.approx(
        1 if PATTERN_WORDS.asked([text]).any() else 0
    )
    assert PATTERN_WORDS.without(text) or not text
