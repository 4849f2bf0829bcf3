"""Segmentation of texts: what lists know, and what is between."""

from hypothesis import given
from hypothesis import strategies as st

from model.language.multilingual.segmentation import segmented
from model.language.multilingual.word_lists import LANGUAGES, word_lists
from model.language.text_cleaning import typed_words_of


def told(text: str, code: str) -> list[tuple[str, str]]:
    """Each piece with what it stands for, "" for what no list knows."""
    items = segmented(text, word_lists(code))
    return [(item.text, "" if item.listed is None else item.listed.english) for item in items]


def test_words_keep_their_capitals() -> None:
    assert told("Rotes Auto links", "de") == [
        ("Rotes", "red"), ("Auto", ""), ("links", "on the left"),
    ]  # fmt: skip


def test_elided_articles_are_no_part_of_a_word() -> None:
    assert told("l'arbre vert", "fr") == [("arbre", ""), ("vert", "green")]


def test_letters_one_after_the_other_make_a_name() -> None:
    assert told("红绿灯", "zh") == [("红绿灯", "")]
    assert told("红车", "zh") == [("红", "red"), ("车", "")]


def test_particles_belong_to_what_is_before_them() -> None:
    assert [text for text, _ in told("赤い車が左に", "ja")] == ["赤い", "車が", "左に"]
    assert told("きのこ", "ja") == [("きのこ", "")]


@given(st.text(max_size=30), st.sampled_from([*LANGUAGES, None]))
def test_any_text_is_divided_and_none_is_made_up(text: str, code: str | None) -> None:
    items = segmented(text, None if code is None else word_lists(code))
    assert all(item.text for item in items)
    letters = "".join(typed_words_of(text)).replace(" ", "")
    place = 0
    for item in items:  # in their order
        found = letters.find(item.text.replace(" ", ""), place)
        assert found >= place
        place = found
