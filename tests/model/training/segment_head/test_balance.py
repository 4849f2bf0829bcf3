from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.datasets.pairs import TrainingPair
from model.training.segment_head.balance import balanced, pair_weights, phrase_counts, shuffled


def pair(*texts: str) -> TrainingPair:
    return TrainingPair(Path("a.jpg"), (4, 4), b"", texts, "object")


@given(st.integers(0, 60), st.integers(1, 80), st.integers(0, 5))
def test_shuffling_loses_nothing_and_is_given_by_the_seed(n: int, buffer: int, seed: int) -> None:
    order = list(shuffled(range(n), seed, buffer))
    assert sorted(order) == list(range(n))
    assert order == list(shuffled(iter(range(n)), seed, buffer))


def test_shuffling_mixes_and_streams() -> None:
    order = list(shuffled(range(1000), 0, 1000))
    assert abs(np.corrcoef(order, range(1000))[0, 1]) < 0.1
    assert order != list(shuffled(range(1000), 1, 1000))
    endless = shuffled(iter(int, 1), 0, 10)
    assert next(endless) == 0  # without reading to the end


def test_weights_are_the_means_of_their_phrases() -> None:
    pairs = [pair("car"), pair("car"), pair("car", "red car"), pair("car", "car")]
    counts = phrase_counts(p.texts for p in pairs)
    assert counts == {"car": 4, "red car": 1}
    weights = pair_weights([p.texts for p in pairs], counts)
    assert weights.sum() == pytest.approx(1)
    assert weights / weights[0] == pytest.approx([1, 1, 1.5, 1])
    assert pair_weights([p.texts for p in pairs], counts, 0) == pytest.approx(np.full(4, 0.25))


def test_a_balanced_stream_has_rare_phrases_oftener() -> None:
    pairs = [pair("common")] * 900 + [pair("rare")] * 100
    counts = phrase_counts(p.texts for p in pairs)
    even = Counter(p.texts[0] for p in balanced(pairs, counts, 0, power=1.0))
    assert even["common"] == pytest.approx(500, rel=0.15)
    assert even["rare"] == pytest.approx(500, rel=0.15)
    half = Counter(p.texts[0] for p in balanced(pairs, counts, 0))
    assert half["common"] / half["rare"] == pytest.approx(3, rel=0.2)
    assert Counter(p.texts[0] for p in balanced(pairs, counts, 0)) == half
    assert len(list(balanced(pairs, counts, 0, power=0))) == 1000
    scarce = [pair("x")] * 10_000 + [pair("y")]
    counts = phrase_counts(p.texts for p in scarce)
    found = Counter(p.texts[0] for p in balanced(scarce, counts, 0, 1.0, most=3))
    assert found["y"] == 3
