from collections.abc import Sequence

import numpy as np
import pytest

from model.masks.segments import Segments
from model.referring.expression import Expression, Ordinal
from model.referring.parse import parse
from model.referring.scoring import FLOOR, Scene, Scores, ranks, score
from model.referring.settings import ReferringSettings

# four cups in a row, the third the largest, a table under all and a red bowl beside the last
DRAWN = {
    "cup 1": (10, 40, 20, 50), "cup 2": (30, 40, 40, 50), "cup 3": (50, 30, 66, 50),
    "cup 4": (80, 40, 90, 50), "table": (5, 45, 98, 90), "bowl": (91, 40, 99, 50),
}  # fmt: skip
NAMES = list(DRAWN)


def scene() -> Scene:
    masks = np.zeros((len(DRAWN), 100, 100), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(masks, DRAWN.values(), strict=True):
        mask[y0:y1, x0:x1] = True
    return Scene.of(Segments.from_masks(masks))


def resolved(text: str, settings: ReferringSettings | None = None) -> Scores:
    expression = parse(text)
    cosines = {each: alike(each) for each in expression.phrases()}
    # the sentence finds the first cup best, as it finds every cup
    cosines[expression.text] = alike(expression.phrase) + np.array([0.02, 0, 0, 0, 0, 0])
    return score(scene(), expression, cosines, settings)


def alike(phrase: str) -> np.ndarray:
    return np.array([0.3 if name.split()[0] in phrase.split() else 0.05 for name in NAMES])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cup", "cup 1"),
        ("the second cup from the left", "cup 2"),
        ("the second cup from the right", "cup 3"),
        ("the last cup", "cup 4"),
        ("the largest cup", "cup 3"),
        ("the rightmost cup", "cup 4"),
        ("cup on the right", "cup 4"),
        ("cup next to the bowl", "cup 4"),
        ("the cup to the left of the bowl", "cup 1"),
        ("bowl on the table", "bowl"),
        ("the table below the cup", "table"),
        ("cup on the left", "cup 1"),
    ],
)
def test_geometry_chooses_among_what_recall_finds_alike(text: str, meant: str) -> None:
    assert NAMES[resolved(text).best()[0]] == meant


def test_a_bare_phrase_is_recalls_affair() -> None:
    scores = resolved("cup")
    assert not scores.stages[:, 1:].any()
    assert scores.best()[0] == 0


def test_what_does_not_weigh_changes_nothing() -> None:
    nothing = ReferringSettings(place=0, superlative=0, ordinal=0, relation=0, negated=0)
    assert resolved("the second cup from the left next to the bowl", nothing).best()[0] == 0


def test_too_few_are_told_and_recall_answers() -> None:
    scores = resolved("the ninth cup from the left")
    assert scores.notes == ("only 4 of 'cup' found, number 9 asked for",)
    assert NAMES[scores.best()[0]] == "cup 1"


def test_what_is_denied_counts_against() -> None:
    assert NAMES[resolved("cup that is not next to the bowl").best()[0]] == "cup 1"
    alone = resolved("cup without the bowl")
    assert alone.stages[3, 4] < alone.stages[0, 4]
    black = parse("cup that is not black")
    cosines = {"cup": alike("cup"), black.text: alike("cup"), "black": np.eye(6)[0] * 0.3}
    assert score(scene(), black, cosines).best()[0] == 1


def test_duplicates_are_counted_once_and_share_a_place() -> None:
    boxes = [(10, 40, 20, 50), (10, 40, 20, 49), (50, 40, 60, 50), (80, 40, 90, 50)]
    masks = np.zeros((4, 100, 100), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    doubled = Scene.of(Segments.from_masks(masks))
    kept = np.array([True, False, True, True])
    assert ranks(doubled, Ordinal(1, "left"), kept).tolist() == [0, 0, 1, 2]
    cosines = np.array([0.30, 0.29, 0.3, 0.3])
    second = parse("the second cup")
    found = score(doubled, second, {"cup": cosines, second.text: cosines})
    assert found.candidates.tolist() == [True, False, True, True]
    assert found.best()[0] == 2


def test_places_are_none_of_what_is_no_candidate() -> None:
    kept = np.array([False, True, False, False, False, False])
    assert ranks(scene(), Ordinal(1, "right"), kept).tolist() == [-1, 0, -1, -1, -1, -1]


def test_a_photo_that_lacks_the_other_thing_is_behind() -> None:
    expression = parse("cup next to the bowl")
    cosines = {"cup": alike("cup"), "bowl": alike("bowl"), expression.text: alike("cup")}
    here = score(scene(), expression, cosines, best={"bowl": 0.3}).total
    elsewhere = score(scene(), expression, cosines, best={"bowl": 0.6}).total
    assert elsewhere.max() < here.max()
    assert elsewhere.min() >= here.min() + 1.5 * FLOOR


def test_no_segments_have_no_scores() -> None:
    empty = Scene.of(Segments.empty((10, 10)))
    expression = parse("the second cup")
    none: Sequence[float] = ()
    found = score(empty, expression, {expression.text: np.array(none), "cup": np.array(none)})
    assert found.total.shape == (0,)
    assert found.best().shape == (0,)


def test_a_photo_that_is_one_segment_is_its_own_answer() -> None:
    whole = Scene.of(Segments.empty((10, 10)).with_whole())
    text = "the largest cup"
    cosines = {"cup": np.array([0.2]), text: np.array([0.2])}
    assert score(whole, parse(text), cosines).best().tolist() == [0]
    assert Expression(text).bare
