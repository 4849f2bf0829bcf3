from pathlib import Path

import pytest

from searchengine import Filter, Query, SearchEngine

SENTENCE = "here is a red circle in front of a wall with a blue circle"


def names(engine: SearchEngine, words: str, **more: object) -> list[str]:
    return [Path(match.photo.path).name for match in engine.search(words, **more)]


def test_a_sentence_finds_the_photo_that_shows_all_that_it_names(engine: SearchEngine) -> None:
    found = engine.search(SENTENCE)
    assert Path(found[0].photo.path).name == "two.jpg"
    scores = [match.score for match in found if match.score is not None]
    assert scores == sorted(scores, reverse=True)
    assert len({match.photo.id for match in found}) == len(found) == 5  # one answer a photo
    assert found.explanation is not None
    assert found.explanation.phrases == ("red circle", "wall", "blue circle")
    assert found.explanation.lines()[0].endswith("and this in them: red circle, wall, blue circle")
    told = found.to_dict(True)["explanation"]
    assert told["phrases"] == ["red circle", "wall", "blue circle"]
    assert told["recall_alone"] is None
    assert (told["photos"], told["segments"] > 5) == (5, True)


def test_conditions_hold_for_what_is_shown(engine: SearchEngine) -> None:
    assert names(engine, SENTENCE, where=Filter(path_glob="2023/*")) == ["red.jpg"]
    whole = engine.search(SENTENCE, where=Filter(min_area=0.9))
    assert {match.area for match in whole} == {320 * 240}
    assert Path(whole[0].photo.path).name == "two.jpg"
    assert not names(engine, SENTENCE, where=Filter(path_glob="nowhere/*"))
    assert len(names(engine, SENTENCE, k=2)) == 2


def test_recall_answers_where_nobody_wants_more(engine: SearchEngine) -> None:
    plain = engine.search(SENTENCE, refer=False)
    assert plain.explanation is None
    assert len({match.photo.id for match in plain}) < len(plain)
    short = engine.search("red circle, blue circle").explanation
    assert short is None or not short.phrases


def test_several_sentences_are_answered_together_as_each_alone(engine: SearchEngine) -> None:
    asked = [SENTENCE, "red", "on the grey wall there are a green circle and a yellow thing"]
    together = engine.search_many([Query(words=words) for words in asked])
    for words, found in zip(asked, together, strict=True):
        alone = engine.search(words)
        assert [m.segment_id for m in found] == [m.segment_id for m in alone]
        assert [m.score for m in found] == pytest.approx([m.score for m in alone])


def test_nothing_is_proposed_for_a_sentence(engine: SearchEngine) -> None:
    found = engine.search(SENTENCE)
    again = engine.propose(found)
    assert again.items == found.items
    assert "ask for one thing that it names" in again.notes[-1]
