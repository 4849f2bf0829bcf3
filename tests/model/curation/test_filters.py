"""What filters drop, each for its reason, and that they leave the rest as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.curation.filters import (
    BLOCKED,
    FOREIGN,
    SMALL,
    UNLIKE,
    FilterSettings,
    PairFilters,
    share_box,
)
from model.datasets.pairs import PHOTO_KIND, TrainingPair
from model.masks import rle
from model.photos.images import Image
from model.presets.preset import load_preset


def pair(*texts: str, side: int = 20, at: int = 0) -> TrainingPair:
    mask = np.zeros((1, 40, 80), np.bool_)
    mask[0, at : at + side, at : at + side] = True
    return TrainingPair(Path("x.jpg"), (40, 80), rle.encode(mask)[0], texts, "object", ("nano",))


def test_what_passes_stays_as_it_was() -> None:
    pairs = [pair("red car", "car"), pair("a dog on the grass", at=5)]
    assert PairFilters(FilterSettings()).kept(None, pairs) == (pairs, [])


def test_small_masks_blocked_and_foreign_words_go() -> None:
    filters = PairFilters(FilterSettings(smallest=0.01, blocked=("Guns",)))
    pairs = [pair("dot", side=1), pair("man with a gun", "man"), pair("ein rotes Auto xyzzy")]
    kept, losses = filters.kept(None, pairs)
    assert kept == [replace(pairs[1], texts=("man",))]
    assert [(loss.what, loss.reason) for loss in losses] == [
        ("dot", SMALL),
        ("man with a gun", BLOCKED),
        ("ein rotes Auto xyzzy", FOREIGN),
    ]
    assert losses[0].box == (0, 0, 1 / 80, 1 / 40)
    coined = [pair("skateparks"), pair("brocolli in a bowl")]
    assert filters.kept(None, coined) == (coined, [])
    assert filters.kept(None, [pair("γάτα στο τραπέζι"), pair("123")])[0] == []
    any_language = PairFilters(FilterSettings(language="any"))
    assert any_language.kept(None, pairs[2:]) == (pairs[2:], [])


def test_masks_that_are_unlike_their_words_go() -> None:
    embedder = load_preset("colours").build_embedder()
    pixels = np.full((40, 80, 3), 255, np.uint8)
    pixels[:20, :20] = (200, 20, 20)
    image = Image(pixels, (40, 80))
    filters = PairFilters(FilterSettings(similarity=0.5), embedder)
    kept, losses = filters.kept(image, [pair("red"), pair("blue")])
    assert [each.texts for each in kept] == [("red",)]
    assert [loss.reason for loss in losses] == [UNLIKE]
    assert filters.kept(image, []) == ([], [])


@pytest.mark.parametrize(
    "wrong", [{"smallest": 1.0}, {"smallest": -0.1}, {"similarity": 2.0}, {"duplicates": 64}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FilterSettings(**wrong)


def test_similarity_needs_an_embedder() -> None:
    with pytest.raises(ValueError, match="embedder"):
        PairFilters(FilterSettings(similarity=0.1))


def test_a_whole_photo_has_no_box() -> None:
    assert share_box(replace(pair("x"), kind=PHOTO_KIND)) is None
