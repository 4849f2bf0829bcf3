from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import FEATURES, SIGNED, Calibration
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.fitting import (
    JudgedAnswers,
    ModelView,
    diverse_rows,
    expected_error,
    fitted,
    judge,
    lowest_so_far,
)
from model.training.calibration.questions import Question


def judged(random: np.random.Generator, separation: float, questions: int = 40) -> JudgedAnswers:
    """Answers of random evidence, best first."""
    count = questions * 20
    shows = random.random(count) < 0.4
    evidence = random.normal(size=(count, len(FEATURES))) + separation * shows[:, None]
    question = np.repeat(np.arange(questions), 20)
    order = np.lexsort((-evidence.sum(axis=1), question))
    return answers(evidence[order], shows[order], question)


def answers(evidence: np.ndarray, shows: np.ndarray, question: np.ndarray) -> JudgedAnswers:
    count = len(shows)
    return JudgedAnswers(evidence, shows, question, np.zeros(count), np.ones(count))


def plain() -> Calibration:
    return Calibration.from_background(np.eye(3), ["a"], np.eye(3)[:1])


def test_the_fit_separates_and_is_calibrated() -> None:
    random = np.random.default_rng(0)
    present, absent = judged(random, 1.0), judged(random, 0.0)
    absent = answers(absent.evidence, np.zeros_like(absent.shows), absent.question)
    calibration = fitted(plain(), [present], [absent])
    assert calibration.logits(present.evidence)[present.shows].mean() > (
        calibration.logits(present.evidence)[~present.shows].mean() + 1
    )
    # what is told is the least so far, and that is right as often as it says
    told = np.concatenate([present.told(calibration), absent.told(calibration)])
    truth = np.concatenate([present.shows, absent.shows])
    assert expected_error(told, truth) < 0.05


def test_told_confidences_never_rise_within_a_question() -> None:
    random = np.random.default_rng(0)
    some = judged(random, 1.0, questions=5)
    told = some.told(replace(plain(), coefficients=(1, 0, 1, 1, 1, 0))).reshape(5, 20)
    assert (np.diff(told, axis=1) <= 0).all()


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    st.lists(st.integers(0, 1), min_size=30, max_size=30),
)
def test_the_lowest_so_far_is_found_as_by_hand(values: list[int], steps: list[int]) -> None:
    question = np.cumsum(steps[: len(values)])
    numbers = np.array(values, np.float64)
    for row, found in enumerate(lowest_so_far(numbers, question).tolist()):
        before = [i for i in range(row + 1) if question[i] == question[row]]
        assert question[found] == question[row]
        assert numbers[found] == min(numbers[before])


def test_questions_that_ask_for_looks_are_not_fitted_to() -> None:
    random = np.random.default_rng(0)
    some, none = judged(random, 1.0), judged(random, 0.0)
    absent = answers(none.evidence, np.zeros_like(none.shows), none.question)
    odd = replace(judged(random, -3.0), looks=np.full(800, 0.3))
    both = JudgedAnswers(
        np.concatenate([some.evidence, odd.evidence]),
        np.concatenate([some.shows, odd.shows]),
        np.concatenate([some.question, odd.question + 40]),
        np.zeros(1600),
        np.concatenate([some.looks, odd.looks]),
    )
    expected, found = (fitted(plain(), [each], [absent]) for each in (some, both))
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-3)


def test_a_score_never_counts_against_a_segment() -> None:
    upside_down = judged(np.random.default_rng(0), -1.0)
    coefficients = fitted(plain(), [upside_down], [upside_down]).coefficients
    weights = dict(zip(FEATURES, coefficients, strict=False))
    assert all(0 <= weights[name] < 0.01 for name in FEATURES if name not in SIGNED)


def test_expected_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.05, 0.05])
    assert expected_error(confidence, np.array([True, False, False, False])) == pytest.approx(
        (abs(1.9 - 1) + 0.1) / 4
    )


def test_diverse_rows_leave_copies_out_and_favour_no_group() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:40] = vectors[0]
    groups = np.where(np.arange(300) < 250, 0, 1)
    chosen = diverse_rows(vectors, groups, 40)
    assert len(set(chosen.tolist())) == 40
    assert (chosen < 40).sum() <= 1
    assert 10 <= (groups[chosen] == 1).sum() <= 30


def test_answers_are_judged_best_first() -> None:
    vectors = np.eye(3, dtype=np.float32)
    none, shares = np.zeros(0, np.int64), np.zeros(0, np.float32)
    question = Question("x", np.array([0, 2]), np.array([False, True]))
    asked = np.array([[0.1, 0.0, 0.9]], np.float32)
    view = ModelView(
        CandidateMasks(vectors, np.zeros(3, np.int64), none, none, shares, shares),
        lambda texts: asked[: len(texts)],
    )
    found = judge(plain(), [question], view)
    assert found.shows.tolist() == [True, False]
    assert found.question.tolist() == [0, 0]
    assert found.looks.tolist() == [1, 1]
    assert found.classes.tolist() == [0, 0]
