import pytest

from model.language.generic_heads import without_generic_heads
from model.language.question import understand


@pytest.mark.parametrize(
    ("asked", "searched"),
    [
        ("red things", "red"),
        ("a red object", "red"),
        ("something blue", "blue"),
        ("anything dark green", "anything dark green"),  # "dark" may be meant of a place
        ("striped red items on the left", "striped red on the left"),
        ("dog beside a blue thing", "dog beside blue"),
        ("things", "thing"),
        ("things on a table", "thing on a table"),
        ("baby things", "baby thing"),
        ("wooden stuff", "wooden"),
        ("red car", "red car"),
    ],
)
def test_what_names_anything_gives_way_to_how_it_looks(asked: str, searched: str) -> None:
    assert understand(asked).words == searched


def test_words_that_name_something_all_stay() -> None:
    words = ["a", "small", "red", "boat", "on", "the", "left", "of", "some", "thing"]
    assert without_generic_heads(words) == words
    assert without_generic_heads([]) == []
