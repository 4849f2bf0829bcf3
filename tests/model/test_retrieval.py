import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from model.training.retrieval import (
    average_precision,
    best_of_photo,
    mean_average_precision,
    precision_at,
)


def test_average_precision_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    relevant = np.array([True, False, True, False])
    assert average_precision(scores, relevant) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, np.zeros(4, np.bool_)) == 0


def test_mean_average_precision_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    scores = random.random((5, 40)).astype(np.float32)
    relevant = random.random((5, 40)) < 0.2
    relevant[3] = False
    expected = [average_precision_score(relevant[q], scores[q]) for q in (0, 1, 2, 4)]
    assert mean_average_precision(scores, relevant) == pytest.approx(np.mean(expected))


def test_precision_counts_no_more_than_there_is() -> None:
    scores = np.array([[5, 4, 3, 2], [5, 4, 3, 2], [1, 2, 3, 4]], np.float32)
    relevant = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.bool_)
    assert precision_at(scores, relevant, k=2) == pytest.approx((1 / 2 + 0) / 2)


def test_a_photo_is_as_good_as_its_best_segment() -> None:
    scores = np.array([[1, 5, 2]], np.float32)
    best = best_of_photo(scores, np.array([0, 0, 2]), 3)
    assert best.tolist() == [[5, -np.inf, 2]]
