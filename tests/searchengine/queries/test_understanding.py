"""The same reading of a question in Python, and what is said of it."""

from datetime import datetime

import pytest

from searchengine import Filter, Negative, Query, SearchEngine
from searchengine.queries.understanding import interpret


def test_given_and_said_negatives_stand_beside_each_other() -> None:
    read = interpret(Query(words="two roads without cars", negatives=(Negative("people", 0.8),)))
    assert read.query.words == "road"
    assert read.query.negatives == (Negative("person", 0.8), Negative("car"))
    assert [note.split(":")[0] for note in read.not_understood] == ["'two'"]


def test_an_example_needs_no_words(engine: SearchEngine) -> None:
    matches = engine.similar(engine.search("blue", k=1)[0], negatives=["asdf"])
    assert matches.not_understood == ("'asdf': not a known word",)
    assert len(matches)


def test_singular_and_plural_find_the_same(engine: SearchEngine) -> None:
    one, several = (engine.search(words, k=5) for words in ("blue chair", "blue chairs"))
    assert one.to_dict()["matches"] == several.to_dict()["matches"]
    assert several.notes == ("searched: blue chair",)


def test_where_nothing_is_understood_nothing_is_confident(engine: SearchEngine) -> None:
    for words in ("asdf", "no red", "!!"):
        matches = engine.search(words, k=3)
        assert len(matches) == 3
        assert not matches.confident
        assert matches.not_understood
        assert any("not understood" in note for note in matches.notes)


def test_confidence_never_rises_with_rank(engine: SearchEngine) -> None:
    confidences = [match.confidence or 0 for match in engine.search("blue", k=50)]
    assert confidences == sorted(confidences, reverse=True)


def test_photos_without_a_date_are_counted_where_dates_are_asked_for(engine: SearchEngine) -> None:
    asked = engine.search("blue", where=Filter(after=datetime(2024, 1, 1)))
    assert asked.left_out == ("3 photos have no date and can meet no condition on dates",)
    assert asked.to_dict()["left_out"] == list(asked.left_out)
    assert engine.search("blue").left_out == ()
    assert engine.status().undated == 3


def test_the_nearest_paths_are_named_where_none_matches(engine: SearchEngine) -> None:
    (line,) = engine.search("blue", where=Filter(path_glob="2032")).left_out
    assert "no path matches '2032'" in line
    assert engine.search("blue", where=Filter(path_glob="2023")).left_out == ()


@pytest.mark.parametrize("number", [1 << 63, -(1 << 70), 999_999])
def test_an_id_that_no_segment_has_is_one_line(engine: SearchEngine, number: int) -> None:
    from model.errors import QueryError
    from searchengine import Example

    with pytest.raises(QueryError, match=str(number)):
        list(engine.segments([1, number]))
    with pytest.raises(QueryError, match=str(number)):
        engine.similar(Example(segment=number))
