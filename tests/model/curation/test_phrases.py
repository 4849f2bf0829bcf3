"""Phrases of captions: chunks, what they are grown into, parts, what is dropped and merged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.curation.phrases import (
    MOST_WORDS,
    NOTHING_TO_SEE,
    UNKNOWN_FORM,
    Phraser,
    PhraseSettings,
    lemmas,
)
from model.curation.records import Caption, Loss, Phrase

GROWN = Phraser.best()
LISTED = Phraser(PhraseSettings(), None)
BOTH = pytest.mark.parametrize("phraser", [GROWN, LISTED], ids=["parser", "lists"])


def read(phraser: Phraser, *texts: str) -> dict[str, Phrase]:
    found, _ = phraser.phrases([Caption(text, "scene", "files") for text in texts])
    return {phrase.head: phrase for phrase in found}


def test_a_phrase_grows_to_all_that_depends_on_it() -> None:
    found = read(GROWN, "A white cat lying on the seat of a scooter in the street.")
    assert list(found) == ["white cat", "seat", "scooter", "street"]
    assert found["white cat"].text == "white cat lying on the seat of a scooter in the street"
    assert found["seat"].text.startswith("seat of a scooter")


def test_relative_clauses_and_what_is_joined_by_and_are_left_out() -> None:
    found = read(GROWN, "Two dogs that are running play with a man in a blue shirt and a woman.")
    assert found["dogs"].text == "dogs"
    assert found["man"].text == "man in a blue shirt"
    assert found["woman"].text == "woman"


@BOTH
def test_of_the_makes_a_part_unless_it_says_how_much(phraser: Phraser) -> None:
    found = read(phraser, "The wheel of the red car is rusty, and a cup of tea is next to it.")
    assert found["wheel"].parent == "red car"
    assert found["red car"].parent == ""
    assert all(not phrase.parent for head, phrase in found.items() if "cup" in head)


@BOTH
def test_spans_are_places_in_the_caption(phraser: Phraser) -> None:
    text = "Hm! A Dog on the GRASS, near a tree's shade. The wheel of the car."
    caption = Caption(text, "object", "files")
    found, _ = phraser.phrases([caption])
    assert found
    for phrase in found:
        start, end = phrase.span
        assert text[start:end].lower().split() == phrase.text.split()
        assert phrase.caption == caption
        assert phrase.text == phrase.text.lower()


def test_equal_lemmas_are_one_phrase_and_a_part_only_if_all_say_so() -> None:
    found = read(GROWN, "A wheel of the car.", "Two wheels of the car.", "A wheel.")
    assert len([head for head in found if lemmas(head) == "wheel"]) == 1
    phrases, _ = GROWN.phrases(
        [Caption(text, "part", "files") for text in ("wheel of the car", "the wheel of a car")]
    )
    assert [(phrase.text, phrase.parent) for phrase in phrases][:2] == [
        ("wheel of the car", "car"),
        ("car", ""),
    ]


def test_heads_that_name_nothing_are_lost_with_a_reason() -> None:
    phrases, losses = GROWN.phrases([Caption("A photo of a group of people", "scene", "x")])
    assert [phrase.head for phrase in phrases] == ["people"]
    assert {loss.reason for loss in losses} == {NOTHING_TO_SEE}
    own = Phraser(PhraseSettings(dropped=("people",)), None)
    assert [p.head for p in own.phrases([Caption("people by a lake", "scene", "x")])[0]] == ["lake"]
    assert own.fingerprint != LISTED.fingerprint


@BOTH
def test_what_names_nothing_is_lost_with_a_reason(phraser: Phraser) -> None:
    _, losses = phraser.phrases([Caption("very quickly", "scene", "x")])
    assert losses == (Loss("very quickly", UNKNOWN_FORM),)
    assert phraser.phrases([]) == ((), ())


def test_an_endless_expression_is_cut_to_its_head() -> None:
    found = read(GROWN, "a man" + " in a house of a friend" * 12)
    assert len(found["man"].text.split()) <= MOST_WORDS


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    caption = Caption(text, "scene", "x")
    for phraser in (GROWN, LISTED):
        for phrase in phraser.phrases([caption])[0]:
            start, end = phrase.span
            assert 0 <= start < end <= len(text)
            assert phrase.text
            assert phrase.head
