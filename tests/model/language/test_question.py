"""What a question in words is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.language.question import understand


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dogs", "dog"),
        ("Dog!", "dog"),
        ("#dog", "dog"),
        ("dog/cat", "dog cat"),
        ("\ufeffsmall tree", "small tree"),
        ("ｄｏｇ", "dog"),
        ("red\u200bdoor", "red door"),
        ("um\u00adbrella", "umbrella"),
        ("“red” car’s door", "red car's door"),
        ("T‑shirts", "t-shirt"),
        ("black & white cat", "black and white cat"),
        ("red car, blue sky.", "red car, blue sky"),
        ("a man rides a horse", "a man rides a horse"),
        ("group of people", "group of people"),
        ("traffic lights on the left", "traffic light on the left"),
        ("no parking sign", "no parking sign"),
        ("route 66", "route 66"),
        ("three-piece suit", "three-piece suit"),
        ("\ud800 red", "red"),
        ("wine glasses", "wine glass"),
        ("stocking", "stockings"),
        ("red shoe on the left", "red shoes on the left"),
        ("shoe box", "shoe box"),
        ("glasses of water", "glass of water"),
        ("man with glasses", "man with glasses"),
    ],
)
def test_a_text_is_searched_in_one_spelling(text: str, words: str) -> None:
    read = understand(text)
    assert (read.words, read.negatives, read.not_understood) == (words, (), ())
    assert read.answerable


@pytest.mark.parametrize(
    ("text", "words", "negatives"),
    [
        ("a street without cars and people at night", "street at night", ("car", "person")),
        ("a car that is not red", "car", ("red",)),
        ("house with no windows", "house", ("window",)),
        ("a man not wearing a hat", "man", ("hat",)),
        ("beach with nobody", "beach", ("person",)),
        ("birds, but no eagles", "bird", ("eagle",)),
        ("a dog w/o leash", "dog", ("leash",)),
        ("a room with no one in it", "a room", ("person",)),
    ],
)
def test_what_should_be_absent_is_told_apart(
    text: str, words: str, negatives: tuple[str, ...]
) -> None:
    read = understand(text)
    assert read.words.removeprefix("a ") == words.removeprefix("a ")
    assert read.negatives == negatives
    assert read.answerable


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("a pair of shoes", "shoes", "'a pair of'"),
        ("dozens of eggs", "egg", "'dozens of'"),
        ("one dog", "dog", "'one'"),
        ("leafless tree", "leafless tree", "'leafless'"),
        ("giraffe asdf", "giraffe asdf", "'asdf'"),
        ("dog not on the left", "dog", "'not on the left'"),
    ],
)
def test_what_is_not_heeded_is_said(text: str, words: str, said: str) -> None:
    read = understand(text)
    assert read.words == words
    (note,) = read.not_understood
    assert note.startswith(said)
    assert read.answerable


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [("two dogs", "dog", "'two'"), ("2 red cars", "red car", "'2'")],
)
def test_how_many_there_are_is_not_known(text: str, words: str, said: str) -> None:
    read = understand(text)
    assert (read.words, read.answerable) == (words, False)
    assert read.not_understood[0].startswith(said)
    assert understand(f"the tallest of the {text}").answerable


def test_a_pair_of_one_thing_is_no_count() -> None:
    assert understand("a pair of scissors").not_understood == ()
    assert understand("homeless man").not_understood == ()


@pytest.mark.parametrize(
    "text", ["asdf", "no dog", "without a hat", "🚗🚗", "красная машина", "the"]
)
def test_what_cannot_be_answered_is_told_and_searched_all_the_same(text: str) -> None:
    read = understand(text)
    assert not read.answerable
    assert read.not_understood
    assert read.words


@given(st.text(max_size=80))
def test_any_text_is_a_question_and_its_reading_stays(text: str) -> None:
    read = understand(text)
    assert understand(text.upper().lower()).words or not text
    if read.answerable and not read.negatives and not read.not_understood:
        assert understand(read.words).words == read.words


@given(
    st.lists(
        st.sampled_from(
            ["no", "not", "without", "two", "dogs", ",", "and", "3", "pair", "of", "a", "the", "on"]
        )
    )
)
def test_little_words_in_any_order_are_read(words: list[str]) -> None:
    read = understand(" ".join(words))
    assert read.answerable or read.not_understood
