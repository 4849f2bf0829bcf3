"""Senses of foreign words, weighed by what the photos show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.vectors.store import Hits
from model.language.multilingual.reading import Senses
from searchengine import Query, SearchEngine
from searchengine.queries.languages.translation import Translation
from searchengine.queries.understanding import Understanding, interpret
from searchengine.queries.weighing import DEPTH, shown, weighed

SENSES = Senses("hose", ("hose", "trousers", "pants"), (0.5, 0.3, 0.2))


def reading(words: str = "hose") -> Understanding:
    query = Query(words=words, senses=(SENSES,))
    return Understanding(query, translations=(Translation("Hose", "de", SENSES),))


def test_what_the_photos_show_is_the_likeliest_sense(engine: SearchEngine) -> None:
    asked: list[tuple[int, Filter]] = []

    def nearest(vectors: NDArray[np.float32], count: int, where: Filter) -> list[Hits]:
        asked.append((count, where))
        rows = np.zeros((count, vectors.shape[1]), np.float32)
        cosines = (0.1, 0.3, 0.1)
        return [Hits(np.arange(count), np.full(count, each, np.float32), rows) for each in cosines]

    (found,) = weighed([reading()], engine.models.embedder, nearest)
    assert asked == [(DEPTH, Filter())]
    (senses,) = found.query.senses
    assert found.query.words == senses.words == "trousers"
    assert found.translations[0].line.startswith("read as German: Hose → trousers (also hose, ")
    odds = dict(zip(senses.texts, senses.shares, strict=True))
    assert odds["trousers"] / odds["hose"] == pytest.approx(0.3 / 0.5 * np.exp(20 * 0.2))
    assert sum(senses.shares) == pytest.approx(1)


def test_photos_that_show_each_as_much_change_nothing() -> None:
    found = shown(SENSES, np.full(3, 0.2))
    assert found.texts == SENSES.texts
    assert found.shares == pytest.approx(SENSES.shares)


def test_where_conditions_allow_nothing_senses_stay(engine: SearchEngine) -> None:
    def none(vectors: NDArray[np.float32], _: int, __: Filter) -> list[Hits]:
        return [Hits.empty(vectors.shape[1]) for _ in vectors]

    read = reading()
    assert weighed([read], engine.models.embedder, none) == [read]


def test_english_is_not_weighed(engine: SearchEngine) -> None:
    def never(*_: object) -> list[Hits]:
        raise AssertionError

    read = [interpret(Query(words=words)) for words in ("trousers", "red chair")]
    assert weighed(read, engine.models.embedder, never) == read
