import numpy as np
import pytest
from closeness import assert_close, assert_unit

from model.embedders.attributes.joint_space import (
    ATTRIBUTES,
    CLASS_BESIDE_LOOKS,
    CLASS_OF_TEXTS,
    joined_segments,
    joined_texts,
    without_looks,
)
from model.embedders.attributes.words import AttributeWords

RANDOM = np.random.default_rng(0)


def unit(rows: int, columns: int) -> np.ndarray:
    drawn = RANDOM.normal(size=(rows, columns)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_without_a_word_of_looks_meaning_alone_decides() -> None:
    meanings, text = unit(20, 8), unit(1, 8)
    looks = [unit(20, look.words.dimension) for look in ATTRIBUTES]
    segments = joined_segments(meanings, looks, unit(20, 5))
    asked = joined_texts(text, text, ["a dog"], np.zeros((1, 5), np.float32))
    np.testing.assert_array_equal(np.argsort(segments @ asked[0]), np.argsort(meanings @ text[0]))
    for rows in (segments, asked):
        assert_unit(rows)


def test_every_look_of_a_text_counts_by_its_own_length() -> None:
    text = unit(1, 8)
    (asked,) = joined_texts(text, text, ["red striped shirt"], 0.5 * unit(1, 5))
    colour, pattern = asked[8:24], asked[24:27]
    length = np.linalg.norm(asked[:8])
    classes = 0.5 * CLASS_BESIDE_LOOKS * length
    assert np.linalg.norm(asked[-5:]) == pytest.approx(classes, rel=1e-5)
    assert np.linalg.norm(colour) == pytest.approx(ATTRIBUTES[0].of_texts * length, rel=1e-5)
    assert np.linalg.norm(pattern) == pytest.approx(ATTRIBUTES[1].of_texts * length, rel=1e-5)
    assert without_looks("red striped shirt") == "shirt"
    assert without_looks("red striped") == "striped"


def test_a_class_speaks_loudly_where_no_look_is_asked_for() -> None:
    text = unit(1, 8)
    (asked,) = joined_texts(text, text, ["shirt"], 0.5 * unit(1, 5))
    classes = 0.5 * CLASS_OF_TEXTS * np.linalg.norm(asked[:8])
    assert np.linalg.norm(asked[-5:]) == pytest.approx(classes, rel=1e-5)


def test_words_that_say_the_same_count_once() -> None:
    words = AttributeWords(
        r"\b(?:(?P<hot>hot|warm)|(?P<cold>cold))\b", {"hot": (3, 0), "cold": (0, 3)}
    )
    assert_close(words.asked(["HOT warm hot"]), [[1, 0]], terms=2)
    assert_close(words.asked(["hot or cold", "tea"]), [[0.5**0.5] * 2, [0, 0]], terms=2)
    assert words.without("hot and cold tea") == "tea"
    assert words.without(" warm ") == " warm "


def test_long_sentences_are_not_asked() -> None:
    words = AttributeWords(r"\b(?P<hot>hot)\b", {"hot": (1,)}, longest=3)
    assert words.asked(["a hot tea", "a hot cup of tea"]).tolist() == [[1], [0]]
    assert words.without("a hot cup of tea") == "a hot cup of tea"


def test_every_group_has_a_row() -> None:
    with pytest.raises(ValueError, match="cold"):
        AttributeWords(r"(?P<hot>hot)|(?P<cold>cold)", {"hot": (1,)})
