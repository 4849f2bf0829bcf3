"""The language of a question is kept with it."""

from searchengine import Query, SearchEngine
from searchengine.user_data.kept_query import KeptQuery


def test_a_kept_question_is_asked_in_its_language(engine: SearchEngine) -> None:
    kept = KeptQuery.of(Query(words="Hose", language="de"), engine.reader)
    again, notes = KeptQuery.from_dict(kept.to_dict()).asked(engine.reader)
    assert (again.words, again.language, notes) == ("Hose", "de", ())


def test_what_was_kept_before_there_were_languages_tells_its_own(engine: SearchEngine) -> None:
    record = KeptQuery.of(Query(words="Hose"), engine.reader).to_dict()
    del record["language"]
    again, _ = KeptQuery.from_dict(record).asked(engine.reader)
    assert again.language == "auto"
