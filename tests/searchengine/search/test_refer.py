from pathlib import Path

import numpy as np
import pytest

from model.referring.parse import parse
from searchengine import Filter, Query, QueryError, SearchEngine
from searchengine.search.refer import _nearest


def boxes(engine: SearchEngine, words: str, **more: object) -> list[tuple[str, int]]:
    found = engine.search(words, **more)
    return [(Path(match.photo.path).name, match.box[0]) for match in found]


def test_one_of_several_alike_is_found(engine: SearchEngine) -> None:
    for words, left in (
        ("the leftmost blue circle", 20),
        ("the second blue circle from the left", 120),
        ("third blue circle", 220),
    ):
        name, x = boxes(engine, words, k=1, where=Filter(path_glob="three.jpg"))[0]
        assert (name, abs(x - left) <= 4) == ("three.jpg", True)


def test_recall_orders_what_nobody_tells_apart(engine: SearchEngine) -> None:
    asked = "the second blue circle from the left"
    assert boxes(engine, asked, refer=False) == boxes(engine, asked, refer=False)
    assert engine.search(asked, refer=False).explanation is None
    bare = engine.search("blue circle")
    assert bare.explanation is not None
    assert bare.explanation.reason == "a bare phrase"
    assert not bare.notes or "heeded" not in " ".join(bare.notes)


def test_confidence_and_scores_never_rise(engine: SearchEngine) -> None:
    found = engine.search("the leftmost blue circle", k=8)
    scores = [match.score for match in found if match.score is not None]
    confidences = [match.confidence for match in found if match.confidence is not None]
    assert scores == sorted(scores, reverse=True)
    assert confidences == sorted(confidences, reverse=True)
    assert len(found) == len({match.segment_id for match in found})


def test_all_that_is_named_must_be_there(engine: SearchEngine) -> None:
    there = engine.search("red circle left of the blue circle")
    lacking = engine.search("red circle left of the purple circle")
    assert there.confident
    assert not lacking.confident
    assert all(
        match.confidence is not None and match.confidence <= (there[0].confidence or 0)
        for match in lacking
    )
    # what should not be there is not asked for
    without = engine.search("red circle not left of the purple circle", refer=True)
    assert (without[0].confidence or 0) > (lacking[0].confidence or 0)


def test_the_nearest_segment_of_each_photo_is_found() -> None:
    cosines = np.array([0.1, 0.5, 0.3, 0.9, 0.2])
    photos = [[None] * 3, [None] * 2]
    assert _nearest(cosines, photos).tolist() == [1, 1, 1, 3, 3]  # type: ignore[arg-type]


def test_what_an_expression_requires() -> None:
    required = [*parse("woman beside a man on a horse").required()]
    assert required[0] == "woman"
    assert {"man", "horse"} <= set(required)
    assert "car" not in [*parse("dog not near the car").required()]


def test_conditions_hold_and_several_questions_are_answered_together(engine: SearchEngine) -> None:
    where = Filter(path_glob="2024/*")
    found = engine.search("red circle left of the blue circle", where=where)
    assert {Path(match.photo.path).name for match in found} == {"two.jpg"}
    queries = [Query(words="the leftmost blue circle", k=2), Query(words="red", k=2)]
    together = engine.search_many(queries)
    alone = [engine.search(query) for query in queries]
    ids = [[match.segment_id for match in matches] for matches in together]
    assert ids == [[match.segment_id for match in matches] for matches in alone]
    assert not len(engine.search("the leftmost red", where=Filter(path_glob="none/*")))


def test_what_cannot_be_heeded_is_said(engine: SearchEngine) -> None:
    found = engine.search("left blue circle on the right")
    assert "not heeded: left and right at once: neither is heeded" in found.notes
    assert len(found)
    with pytest.raises(QueryError, match="neighbours"):
        engine.search("the leftmost red", refer=True, neighbours=2)
    for odd in ("左の丸", "red circle " * 250, "the one on the left"):
        assert len(engine.search(odd, refer=True))


def test_nothing_is_proposed_where_one_is_meant(engine: SearchEngine) -> None:
    found = engine.search("the leftmost blue circle", k=1)
    again = engine.propose(found)
    assert again.items == found.items
    assert "no masks are proposed" in again.notes[-1]


def test_sentences_are_resolved_only_where_that_is_asked_for(engine: SearchEngine) -> None:
    sentence = "a blue circle that stands to the left of the red circle on the grey ground"
    told = engine.search(sentence).explanation
    assert told is not None
    assert told.reason == "more than 8 words, and nobody asked for more"
    asked = engine.search(sentence, refer=True).explanation
    assert asked is not None
    assert not asked.reason
