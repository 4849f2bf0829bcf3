import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.language.noun_phrases import MOST_WORDS, noun_phrases


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("a brown dog runs through the tall grass", ["brown dog", "tall grass"]),
        ("A black and white dog catches a red frisbee.", ["black and white dog", "red frisbee"]),
        ("Two women and three men sit on wooden benches", ["women", "men", "wooden benches"]),
        ("A little girl in a pink dress going into a wooden cabin",
         ["little girl", "pink dress", "wooden cabin"]),
        ("a man holds a cup of coffee at the edge of a swimming pool",
         ["man", "cup of coffee", "swimming pool"]),
        ("people walk past a very tall building", ["people", "tall building"]),
        ("the dog jumps to catch a ball", ["dog", "ball"]),
        ("A woman is sitting next to her dog and watches it", ["woman", "dog"]),
        ("a snow covered hill", ["snow covered hill"]),
        ("a group of children playing on the beach", ["children", "beach"]),
        ("brown fish fillet on white ceramic plate", ["brown fish fillet", "white ceramic plate"]),
        ("salmon, fish, seafood and vegetables", ["salmon", "fish", "seafood", "vegetables"]),
        ("The man\N{RIGHT SINGLE QUOTATION MARK}s hat", ["man's hat"]),
        ("a man and a man", ["man"]),
        ("something in the background", []),
        ("", []),
    ],
)  # fmt: skip
def test_captions(caption: str, named: list[str]) -> None:
    assert list(noun_phrases(caption)) == named


@pytest.mark.parametrize(
    "name",
    ["giant panda", "Granny Smith", "washing machine", "split-rail fence", "sea urchin", "ring"],
)
def test_names_stay_as_they_are(name: str) -> None:
    assert noun_phrases(name) == (name.lower(),)


def test_a_short_sentence_is_no_name() -> None:
    assert noun_phrases("person eating pizza") == ("person", "pizza")


LITTLE = "a the and of in two dog dogs brown tall runs running sitting grass cup man's people"
WORDS = st.sampled_from([*LITTLE.split(), "quickly", ",", "1,000", "(machine)", "tri-colored"])


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join)))
def test_whatever_is_said(caption: str) -> None:
    found = noun_phrases(caption)
    assert len(set(found)) == len(found)
    for phrase in found:
        assert phrase == phrase.strip().lower()
        words = phrase.split()
        assert 0 < len(words) <= MOST_WORDS
        assert words[0] not in {"a", "the", "and", "of"}
        assert words[-1] not in {"a", "the", "and", "of"}
        assert all(word in caption.lower() for word in words)
