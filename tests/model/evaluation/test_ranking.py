import numpy as np
import pytest
from sklearn.metrics import average_precision_score, top_k_accuracy_score

from model.evaluation.ranking import (
    Ranking,
    best_of_groups,
    chance_average_precision,
    chance_precision,
    chance_success,
    mean,
)

SCORES = np.array([[0.9, 0.8, 0.7, 0.6]])
RELEVANT = np.array([[True, False, True, False]])


def test_average_precision_by_hand() -> None:
    assert Ranking(SCORES).average_precision(RELEVANT) == pytest.approx([(1 + 2 / 3) / 2])
    assert np.isnan(Ranking(SCORES).average_precision(~np.ones((1, 4), np.bool_))).all()


def test_what_is_ignored_or_not_judged_is_as_if_it_were_not_there() -> None:
    second = np.array([[False, True, False, False]])
    assert Ranking(SCORES).average_precision(RELEVANT, second) == pytest.approx([1])
    assert Ranking(SCORES, ~second).average_precision(RELEVANT) == pytest.approx([1])
    assert Ranking(SCORES).average_precision(RELEVANT, RELEVANT & ~second) != [1]
    assert Ranking(SCORES, ~second).candidates(RELEVANT).tolist() == [1]


def test_what_nobody_proposed_counts_as_found_never() -> None:
    ranking, total = Ranking(SCORES), np.array([4])
    assert ranking.average_precision(RELEVANT, None, total) == pytest.approx([(1 + 2 / 3) / 4])
    assert ranking.precision(RELEVANT, 10, None, total) == pytest.approx([2 / 4])
    nothing = np.zeros((1, 4), np.bool_)
    assert ranking.success(nothing, 4, None, total).tolist() == [0]


def test_average_precision_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    scores = random.random((5, 40)).astype(np.float32)
    relevant = random.random((5, 40)) < 0.2
    relevant[3] = False
    found = Ranking(scores).average_precision(relevant)
    expected = [average_precision_score(relevant[q], scores[q]) for q in (0, 1, 2, 4)]
    assert found[[0, 1, 2, 4]] == pytest.approx(expected)
    assert np.isnan(found[3])
    assert mean(found) == pytest.approx(np.mean(expected))
    assert mean(found[3:4]) is None


def test_success_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    scores, own = random.random((50, 12)), random.integers(0, 12, 50)
    relevant = own[:, None] == np.arange(12)
    for k in (1, 5):
        expected = top_k_accuracy_score(own, scores, k=k, labels=np.arange(12))
        assert mean(Ranking(scores).success(relevant, k)) == pytest.approx(expected)


def test_precision_counts_no_more_than_there_is() -> None:
    scores = np.array([[5, 4, 3, 2], [5, 4, 3, 2], [1, 2, 3, 4]], np.float32)
    relevant = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.bool_)
    found = Ranking(scores).precision(relevant, k=2)
    assert found[:2].tolist() == [0.5, 0]
    assert np.isnan(found[2])


def test_chance_is_what_random_orders_reach() -> None:
    random = np.random.default_rng(2)
    relevant = np.tile(np.arange(12) < 3, (20_000, 1))
    ranking = Ranking(random.random(relevant.shape))
    total = np.full(len(relevant), 5)
    measured = ranking.average_precision(relevant, None, total).mean()
    assert measured == pytest.approx(chance_average_precision(3, 12, 5), abs=0.005)
    measured = ranking.precision(relevant, 4, None, total).mean()
    assert measured == pytest.approx(chance_precision(3, 12, 5, 4), abs=0.005)
    measured = ranking.success(relevant, 4).mean()
    assert measured == pytest.approx(chance_success(3, 12, 3, 4), abs=0.01)
    assert chance_average_precision(0, 12, 5) == chance_success(0, 12, 5, 4) == 0
    assert np.isnan(chance_average_precision(0, 12, 0))


def test_a_photo_is_as_good_as_its_best_segment() -> None:
    scores = np.array([[1, 5, 2], [3, 0, 1]], np.float32)
    best = best_of_groups(scores, np.array([2, 0, 2]), 3)
    assert best.tolist() == [[5, -np.inf, 2], [0, -np.inf, 3]]
    assert best_of_groups(scores[:, :0], np.zeros(0, np.int64), 2).tolist() == [[-np.inf] * 2] * 2
