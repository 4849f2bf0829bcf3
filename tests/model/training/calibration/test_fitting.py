import numpy as np
import pytest

from model.calibration import Calibration
from model.training.calibration.fitting import (
    JudgedAnswers,
    diverse_rows,
    expected_error,
    fitted,
    judge,
)
from model.training.calibration.questions import Question


def judged(random: np.random.Generator, separation: float, questions: int = 40) -> JudgedAnswers:
    count = questions * 20
    shows = random.random(count) < 0.4
    evidence = random.normal(size=(count, 4)) + separation * shows[:, None]
    return JudgedAnswers(evidence, shows, np.repeat(np.arange(questions), 20))


def plain() -> Calibration:
    return Calibration.from_background(np.eye(3), ["a"], np.eye(3)[:1])


def test_the_fit_separates_and_is_calibrated() -> None:
    random = np.random.default_rng(0)
    present, absent = judged(random, 1.0), judged(random, 0.0)
    absent = JudgedAnswers(absent.evidence, np.zeros_like(absent.shows), absent.question)
    calibration = fitted(plain(), [present], [absent])
    probability = calibration.probability(present.evidence)
    assert probability[present.shows].mean() > probability[~present.shows].mean() + 0.3
    both = np.concatenate([probability, calibration.probability(absent.evidence)])
    truth = np.concatenate([present.shows, absent.shows])
    assert expected_error(both, truth) < 0.05


def test_a_score_never_counts_against_a_segment() -> None:
    upside_down = judged(np.random.default_rng(0), -1.0)
    coefficients = fitted(plain(), [upside_down], [upside_down]).coefficients
    assert coefficients[0] == coefficients[2] == coefficients[3] == 0


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
    question = Question("x", np.array([0, 2]), np.array([False, True]))
    queries = np.array([[0.1, 0.0, 0.9]], np.float32)
    answers = judge(plain(), [question], queries, vectors)
    assert answers.shows.tolist() == [True, False]
    assert answers.question.tolist() == [0, 0]
