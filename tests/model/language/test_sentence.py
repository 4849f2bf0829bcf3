import numpy as np
import pytest

from model.language.sentence import PHRASES, phrases_of, sentence_scores


def test_a_sentence_names_several_things() -> None:
    text = "A brown dog is running behind a green van in the muddy yard"
    assert phrases_of(text) == ("brown dog", "green van", "muddy yard")


@pytest.mark.parametrize(
    "text",
    ["", "red car door", "man left of the bus", "one two three four five six seven eight nine dog"],
)
def test_what_is_no_sentence_names_none(text: str) -> None:
    assert phrases_of(text) == ()


def test_photos_are_to_fit_the_sentence_and_to_show_what_it_names() -> None:
    whole = np.array([0.3, 0.3, 0.5])
    best = np.array([[0.6, 0.2, 0.2], [0.4, 0.6, 0.2]])
    scores = sentence_scores(whole, best)
    for photo in range(3):
        named = float(np.mean(best[:, photo]))
        assert scores[photo] == pytest.approx((whole[photo] + PHRASES * named) / (1 + PHRASES))
    assert scores.argmax() == 0
    same = sentence_scores(np.full(2, 0.4), np.full((3, 2), 0.4))
    assert same == pytest.approx([0.4, 0.4])  # in the unit of cosines
