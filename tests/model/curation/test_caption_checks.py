"""Captions that no phrase can be taken from are told apart, with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.curation.caption_checks import (
    EMPTY,
    REPETITIVE,
    TOO_LONG,
    CaptionLimits,
    fault,
    usable_captions,
)
from model.curation.records import Caption, Loss

CHAIR = "a chair of wood"
LIMITS = CaptionLimits()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A white cat lies on the seat of a scooter.", ""),
        ("cat", ""),
        ("", EMPTY),
        (" \n\t", EMPTY),
        ("… — !", EMPTY),
        (" ".join(f"word{n}" for n in range(400)), ""),
        (" ".join(f"word{n}" for n in range(401)), TOO_LONG),
        ("a" * 8001, TOO_LONG),
        (", ".join([f"{CHAIR}"] * 4), ""),
        (", ".join([CHAIR] * 5), REPETITIVE),
        (f"{CHAIR}. A CHAIR of WOOD; {CHAIR}\n{CHAIR} and {CHAIR}", REPETITIVE),
        ("cat " * 7, ""),
        ("cat " * 8, REPETITIVE),
        ("the cat's " * 6, REPETITIVE),
        ("the cat's " * 5, ""),
    ],
)
def test_a_text_is_judged(text: str, reason: str) -> None:
    assert fault(text, LIMITS) == reason


def test_captions_and_losses_keep_their_order_and_place() -> None:
    good = [Caption(text, "scene", "nano") for text in ("A cat.", "A dog.")]
    endless = Caption("dog " * 300, "object", "nano", (0.0, 0.25, 0.5, 1.0))
    empty = Caption("", "part", "nano")
    kept, lost = usable_captions([empty, good[0], endless, good[1]])
    assert kept == tuple(good)
    assert lost == (Loss("", EMPTY), Loss("dog " * 19 + "dog…", REPETITIVE, endless.box))


def test_bounds_are_settings() -> None:
    captions = [Caption("a cat and a cat", "scene", "nano")]
    assert usable_captions(captions, CaptionLimits(gram=2, most_repeats=1))[0] == ()
    assert usable_captions(captions, CaptionLimits(most_words=5))[0] == tuple(captions)
    assert usable_captions(captions, CaptionLimits(most_words=4))[0] == ()
    with pytest.raises(ValueError, match="gram is 0"):
        CaptionLimits(gram=0)


@given(st.lists(st.sampled_from(["cat", "dog", "on", "a"]), max_size=40))
def test_repeats_are_those_that_a_naive_count_finds(words: list[str]) -> None:
    grams = [tuple(words[at : at + 4]) for at in range(len(words) - 3)]
    most = max((grams.count(gram) for gram in grams), default=0)
    expected = EMPTY if not words else REPETITIVE if most > 4 else ""
    assert fault(", ".join(words), LIMITS) == expected
