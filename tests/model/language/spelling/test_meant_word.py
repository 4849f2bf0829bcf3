"""What misspelt words were meant to be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.language.english_words import is_word
from model.language.question import understand
from model.language.spelling.meant_word import meant_word


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("motorcylce", "motorcycle"),
        ("bycicle", "bicycle"),
        ("umbrela", "umbrella"),
        ("yelow", "yellow"),
        ("widnow", "window"),
        ("restaraunt", "restaurant"),
        ("asdf", None),
        ("xq", None),
        ("qzxwvkjhgf", None),
        ("naïve1", None),
        ("x" * 1000, None),
    ],
)
def test_one_or_two_slips_are_put_right(typed: str, meant: str | None) -> None:
    assert meant_word(typed) == meant


@settings(max_examples=30)
@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_what_was_meant_is_an_english_word(word: str) -> None:
    meant = meant_word(word)
    assert meant is None or is_word(meant)


def test_a_question_says_what_it_may_have_meant() -> None:
    read = understand("red motorcylce")
    assert read.not_understood == ("'motorcylce': not a known word; did you mean 'motorcycle'?",)
    assert read.meant == "red motorcycle"
    assert understand("red motorcycle").meant == ""
    assert understand("asdf").meant == ""
