"""Lists of every language: whatever English word they lead to is one that the search knows."""

import pytest

from model.embedders.attributes.joint_space import ATTRIBUTES
from model.language.multilingual.word_lists import LANGUAGES, word_lists

KINDS = {"look", "size", "place", "relation", "absent", "lacking", "end", "little"}


def test_most_languages_of_the_encoder_have_lists() -> None:
    expected = "ar de es fr it ja ko nl pl pt ru th tr zh"
    assert expected.split() == list(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_english_words_of_a_list_ask_for_an_attribute(code: str) -> None:
    lists = word_lists(code)
    assert lists.name.istitle()
    for entry in lists.listed.values():
        assert entry.kind in KINDS
        # sizes and some materials tell of a thing only, "light" of a colour
        thing = "blue chair" if entry.english in {"light", "dark"} else "chair"
        text = f"{entry.english} {thing}" if entry.kind in {"look", "size"} else entry.english
        asked = any(attribute.words.asked([text]).any() for attribute in ATTRIBUTES)
        assert asked == (entry.kind in {"look", "size", "place"}), entry


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_words_for_each_kind(code: str) -> None:
    lists = word_lists(code)
    found = {(entry.kind, entry.english) for entry in lists.listed.values()}
    for look in (
        "red",
        "blue",
        "green",
        "yellow",
        "black",
        "white",
        "striped",
        "wooden",
        "leather",
    ):
        assert ("look", look) in found
    for place in ("on the left", "on the right", "in the middle", "in the background"):
        assert ("place", place) in found
    assert {kind for kind, _ in found} & {"absent", "lacking"}
    assert ("size", "small") in found


def test_stems_take_their_endings() -> None:
    german = word_lists("de")
    for word in ("rot", "rotes", "rotem"):
        entry, count = german.at((word, "auto"))
        assert entry is not None
        assert (entry.english, count) == ("red", 1)
    assert german.at(("auto",)) == (None, 0)
    assert german.at(("im", "hintergrund"))[1] == 2  # the longest


def test_texts_without_spaces_are_matched_by_letters() -> None:
    chinese = word_lists("zh")
    assert not chinese.spaced
    entry, length = chinese.in_text("红色的汽车")
    assert entry is not None
    assert (entry.english, length) == ("red", 3)
