import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import Calibration
from model.look_evidence import TOP, LookEvidence

RULE = LookEvidence((2, 1))
RED, BLUE, NONE = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)
BACKGROUND = np.array([(*RED, 1.0), (*BLUE, -1.0), (*BLUE, 1.0)] * 20, np.float32)


def shares(
    asked: tuple[float, float], *seen: tuple[float, float], plain: float = 0.0
) -> np.ndarray:
    query = np.array([*asked, plain], np.float32)
    matches = np.array([(*each, 1.0) for each in seen], np.float32)
    return RULE.shares(query, matches, RULE.each(BACKGROUND), 0.8)


def test_what_is_asked_for_must_be_seen() -> None:
    red, blue = shares(RED, RED, BLUE)
    assert red > 0.99
    assert blue < 0.01


def test_every_look_that_is_asked_for_counts() -> None:
    both = shares(RED, RED, BLUE, plain=-1.0)
    assert both.max() < 0.01  # neither is as plain as that


def test_nothing_asked_for_leaves_all() -> None:
    assert shares(NONE, RED, BLUE).tolist() == [1, 1]


def test_what_should_not_be_there_is_no_look_that_is_asked_for() -> None:
    assert shares((-1.0, -1.0), RED, BLUE).tolist() == [1, 1]


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=9))
def test_a_nearer_look_never_leaves_less(across: list[float]) -> None:
    seen = [(x, 1.0) for x in sorted(across)]
    assert (np.diff(shares(RED, *seen)) >= -1e-12).all()


@given(st.integers(0, 2**32 - 1))
def test_shares_are_those_of_cosines_computed_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    query, matches, background = (
        random.normal(size=size).astype(np.float32) for size in (3, (4, 3), (30, 3))
    )
    expected = np.ones(4)
    for part in (slice(0, 2), slice(2, 3)):
        cosines = [
            [each @ query[part] / np.linalg.norm(each) / np.linalg.norm(query[part])
             for each in rows[:, part]]
            for rows in (background, matches)
        ]  # fmt: skip
        attained = np.quantile(cosines[0], TOP)
        if attained > 0:
            logits = RULE.sharpness * (np.array(cosines[1]) / attained - RULE.least)
            weight = min(np.linalg.norm(query[part]) / (RULE.asked * 0.8), 1)
            expected *= (1 / (1 + np.exp(-logits))) ** weight
    found = RULE.shares(query, matches, RULE.each(background), 0.8)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_meaning_is_judged_without_looks() -> None:
    random = np.random.default_rng(0)
    meaning = random.normal(size=(60, 4))
    looks = np.concatenate([meaning, BACKGROUND], axis=1)
    words = random.normal(size=(3, 4))
    plain = Calibration.from_background(meaning, list("abc"), words)
    both = Calibration.from_background(looks, list("abc"), words, looks=RULE)
    assert both.meaning == 4
    query, found = np.zeros(7, np.float32), looks[:5].astype(np.float32)
    query[:4] = words[0]
    expected = plain.confidence(
        query[:4], found[:, :4] / np.linalg.norm(found[:, :4], axis=1)[:, None]
    )
    np.testing.assert_allclose(both.confidence(query, found), expected, rtol=1e-5)
    query[4:6] = RED
    red = both.confidence(query, found)
    assert (red[found[:, 4] == 1] > 0.9 * expected[found[:, 4] == 1]).all()
    assert (red[found[:, 5] == 1] < 0.1 * expected[found[:, 5] == 1]).all()


def test_a_look_of_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Calibration.from_background(np.eye(3), [], np.zeros((0, 3)), looks=LookEvidence((3,)))
