"""All that conditions allow, best first, compared with the search itself and with a naive order."""

from __future__ import annotations

import numpy as np
import pytest

from searchengine import Filter, Query, QueryError, SearchEngine


@pytest.mark.parametrize("k", [1, 2, 5, 100])
@pytest.mark.parametrize("words", ["blue", "red or blue", "a red thing left of a blue one"])
def test_holds_all_once_but_for_what_the_matches_stand_for(
    engine: SearchEngine, words: str, k: int
) -> None:
    matches = engine.search(words, k)
    ranking = engine.ranking(matches)
    assert ranking.ids[: len(matches)].tolist() == [match.segment_id for match in matches]
    assert ranking.answers == len(matches)
    everything = engine.reader.catalog.segment_ids()
    assert len(np.unique(ranking.ids)) == len(ranking)
    assert matches.passed is not None
    missing = np.setdiff1d(everything, ranking.ids)
    assert np.isin(missing, matches.passed).all()
    stood_for = {i for match in matches for i in match.merged}
    alike = {i for match in matches for i in match.duplicate_ids}
    rows = engine.reader.catalog.segments(missing.tolist())
    assert all(row.id in stood_for or row.photo_id in alike for row in rows.values())


def test_the_rest_comes_by_the_plain_score(engine: SearchEngine) -> None:
    matches = engine.search("blue", 2)
    ranking = engine.ranking(matches)
    rest = ranking.ids[2:]
    vectors = engine.reader.catalog.vectors_of(rest).astype(np.float64)
    scores = vectors @ ranking.question.astype(np.float64)
    np.testing.assert_allclose(ranking.scores[2:], scores, atol=1e-3)
    assert (np.diff(ranking.scores[2:]) <= 0).all()


def test_a_short_answer_and_the_rest_is_a_long_answer(engine: SearchEngine) -> None:
    plain = [engine.search(Query(words="blue", k=k, collapse=False)) for k in (3, 100)]
    ranking = engine.ranking(plain[0])
    assert sorted(ranking.ids.tolist()) == sorted(match.segment_id for match in plain[1])
    np.testing.assert_allclose(ranking.scores, [match.score for match in plain[1]], atol=1e-5)


def test_conditions_hold_for_all(engine: SearchEngine) -> None:
    where = Filter(path_glob="2024")
    ranking = engine.ranking(engine.search("blue", 1, where=where))
    assert set(ranking.ids.tolist()) <= set(engine.reader.catalog.segment_ids(where).tolist())
    assert len(ranking) > 1


def test_an_example_is_not_its_own_answer(engine: SearchEngine) -> None:
    match = engine.search("blue", 1)[0]
    assert match.segment_id not in engine.ranking(engine.similar(match, 2)).ids


def test_confidences_never_rise_and_are_told_as_far_as_a_limit(engine: SearchEngine) -> None:
    catalog = engine.reader.catalog
    matches = engine.search("blue", 3)
    ranking = engine.ranking(matches)
    confidences = ranking.judged(0, len(ranking), catalog)
    assert len(confidences) == len(ranking)
    assert confidences[:3].tolist() == pytest.approx([m.confidence for m in matches])
    assert (np.diff(confidences) <= 0).all()
    for least in (0.0, 0.01, float(confidences[4]), 0.99, 1.0):
        found = np.concatenate([np.zeros(0), *ranking.judged_down_to(least, catalog)])
        np.testing.assert_allclose(found, confidences[confidences >= least])
    alone = ranking.judged(5, 9, catalog)
    assert (alone >= confidences[5:9] - 1e-6).all()  # what lies between is not asked
    assert alone.max() <= confidences[2]


def test_what_only_an_example_asks_for_has_no_confidence(engine: SearchEngine) -> None:
    ranking = engine.ranking(engine.similar(engine.search("blue", 1)[0], 2))
    assert np.isnan(ranking.judged(0, 9, engine.reader.catalog)).all()
    assert list(ranking.judged_down_to(0.5, engine.reader.catalog)) == []


def test_only_what_answers_a_query_can_be_ranked_by(engine: SearchEngine) -> None:
    from searchengine import Matches

    with pytest.raises(QueryError, match="nothing was asked"):
        engine.ranking(Matches((), "", "", "colours"))
