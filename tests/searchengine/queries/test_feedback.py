from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import QueryError, SpaceMismatch
from searchengine import Match, Query, SearchEngine
from searchengine.queries.feedback import (
    AGAINST,
    WEIGHTS,
    chosen_weights,
    diverse_order,
    refined,
)

Vectors = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@st.composite
def judged(draw: st.DrawFn) -> tuple[Vectors, Vectors, Vectors]:
    """A question, some vectors judged right, and some judged wrong."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = draw(st.tuples(st.integers(1, 6), st.integers(0, 6)))
    return (
        unit(chance.normal(size=(1, 8)))[0],
        unit(chance.normal(size=(counts[0], 8))),
        unit(chance.normal(size=(counts[1], 8))),
    )


def naive_share(
    question: Vectors, likes: Vectors, unlikes: Vectors, weight: float, against: float
) -> float:
    """Share of the pairs of right and wrong that are ranked well by all others."""
    told = []
    for i in range(len(likes)):
        for j in range(len(unlikes)):
            right = np.delete(likes, i, axis=0).mean(axis=0)
            asked = question + weight * right
            if against:
                asked = asked - against * np.delete(unlikes, j, axis=0).mean(axis=0)
            told.append(float(asked @ likes[i] > asked @ unlikes[j]))
    return float(np.mean(told))


@given(judged())
def test_the_weight_ranks_the_right_ones_best_when_each_is_left_out(
    case: tuple[Vectors, Vectors, Vectors],
) -> None:
    question, likes, unlikes = case
    weight, against = chosen_weights(question, likes, unlikes)
    assert weight in WEIGHTS
    assert against in AGAINST
    if len(likes) > 1 and len(unlikes) > 1:
        best = max(naive_share(question, likes, unlikes, w, v) for w in WEIGHTS for v in AGAINST)
        told = naive_share(question, likes, unlikes, weight, against)
        assert told == pytest.approx(best, abs=1e-6)


@given(judged())
def test_what_is_wrong_alone_moves_nothing(case: tuple[Vectors, Vectors, Vectors]) -> None:
    question, likes, unlikes = case
    assert np.array_equal(refined(question, likes[:0], unlikes), question)
    without_words = refined(np.zeros_like(question), likes, unlikes)
    assert np.allclose(without_words, likes.mean(axis=0))


@given(judged(), st.integers(1, 8))
def test_diverse_ones_are_each_taken_once_the_best_first(
    case: tuple[Vectors, Vectors, Vectors], count: int
) -> None:
    question, likes, unlikes = case
    order = diverse_order(likes @ question, likes, count, unlikes[:0])
    assert len(order) == len(set(order)) == min(count, len(likes))
    assert order[0] == int((likes @ question).argmax())


def test_of_two_alike_the_second_comes_later() -> None:
    vectors = unit(np.array([[1, 0, 0], [1, 0.01, 0], [0.1, 0, 1]], np.float32))
    scores = np.array([0.9, 0.89, 0.8], np.float32)
    assert diverse_order(scores, vectors, 3, vectors[:0]) == [0, 2, 1]
    assert diverse_order(scores, vectors, 3, vectors[:1])[0] == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"like": (1,), "unlike": (1,)},
        {"like": tuple(range(2000))},
        {"like": (1,), "refer": True},
        {"words": "", "unlike": (1,)},
    ],
)
def test_judgements_that_make_no_sense_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(QueryError):
        Query(**({"words": "red"} | asked))  # type: ignore[arg-type]


def ids(matches: object) -> list[int]:
    return [match.segment_id for match in matches]  # type: ignore[attr-defined]


def is_like(match: Match, other: Match) -> bool:
    """Whether two masks are of one thing."""
    if match.photo.id != other.photo.id:
        return False
    both = (match.mask() & other.mask()).sum()
    return bool(both >= 0.5 * min(match.mask().sum(), other.mask().sum()))


def test_what_was_judged_is_not_shown_again_unless_asked(engine: SearchEngine) -> None:
    first = engine.search("blue", k=3)
    again = engine.search("blue", k=3, like=first[:1], unlike=[first[1].segment_id])
    assert len(again) == 3
    assert not any(is_like(match, seen) for match in again for seen in first[:2])
    shown = Query(words="blue", k=3, like=(first[0].segment_id,), show_judged=True)
    assert first[0].segment_id in ids(engine.search(shown))
    apart = Query(words="blue", k=3, like=(first[0].segment_id,), collapse=False)
    assert first[0].segment_id not in ids(engine.search(apart))


def test_what_is_right_moves_the_search(engine: SearchEngine) -> None:
    (green,) = engine.search("green", k=1)
    alone = engine.search("purple", k=5)
    moved = engine.search("purple", k=5, like=[green])
    assert [match.score for match in moved] != [match.score for match in alone]
    only = engine.search(Query(like=(green.segment_id,), k=5))
    assert green.segment_id not in ids(only)
    assert all(match.confidence is None for match in only)


def test_while_only_wrong_ones_are_known_the_page_is_diverse(engine: SearchEngine) -> None:
    first = engine.search("blue", k=1)
    told = engine.search("blue", k=3, unlike=first)
    plain = engine.search(Query(words="blue", k=20))
    assert len(told) == 3
    assert not {*ids(first)} & {*ids(told)}
    left = [i for i in ids(plain) if i not in ids(first)]
    assert set(ids(told)) <= set(left)
    confidences = [match.confidence or 0 for match in told]
    assert confidences == sorted(confidences, reverse=True)


def test_a_judged_segment_that_is_gone_is_told(engine: SearchEngine) -> None:
    matches = engine.search("red", like=[10**6, 10**30], k=2)
    assert ids(matches) == ids(engine.search("red", k=2))
    assert len(matches.left_out) == 2
    assert "segment 1000000" in matches.left_out[0]
    with pytest.raises(QueryError, match="no segment 1000000"):
        engine.search(Query(like=(10**6,)))


def test_vectors_of_another_space_are_refused(engine: SearchEngine) -> None:
    space = engine.reader.catalog.manifest.space
    (match,) = engine.search("red", k=1)
    own = Embeddings(engine.reader.catalog.vectors_of([match.segment_id]), space)
    told = engine.search(Query(words="red", liked=own, k=2))
    assert len(told) == 2
    other = Embeddings(own.vectors, EmbeddingSpace("other", space.dimension, "x"))
    with pytest.raises(SpaceMismatch):
        engine.search(Query(words="red", unliked=other))


def test_a_sentence_and_an_expression_are_answered_by_recall_where_segments_were_judged(
    engine: SearchEngine,
) -> None:
    (red,) = engine.search("red", k=1)
    for words in ("the largest blue", "a blue ball lies to the left of a red ball on grey ground"):
        matches = engine.search(words, k=2, like=[red])
        assert matches.explanation is not None
        assert "judged" in matches.explanation.reason or not matches.explanation.stages
        assert red.segment_id not in ids(matches)
