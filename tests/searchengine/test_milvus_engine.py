"""An engine over PostgreSQL and Milvus answers as one over a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from searchengine import Filter, Options, Query, SearchEngine
from searchengine.doctor import examine

if TYPE_CHECKING:
    from milvus_server import OwnMilvus

pytest.importorskip("psycopg")
pytest.importorskip("pymilvus")
QUESTIONS = (
    Query(words="red"),
    Query(words="blue", negatives=("red",), where=Filter(min_area=0.02)),
    Query(words="green", where=Filter(path_glob="*.jpg")),
    Query(words="yellow", where=Filter(places=("left",)), per_photo=1),
)


def told(engine: SearchEngine, query: Query) -> list[tuple[object, ...]]:
    # equal scores come by id, and which photo is looked at first is chance
    found = [(m.photo.path, m.score, m.confidence, m.box) for m in engine.search(query)]
    return sorted(found, key=lambda each: (-each[1], each))


def test_it_indexes_and_searches_as_a_folder_does(
    postgres_uri: str, milvus_server: OwnMilvus, photos: Path, tmp_path: Path
) -> None:
    place = postgres_uri.replace("+pgvector", "+milvus")
    uri = f"{place}&milvus={milvus_server.uri}&milvus_index=FLAT"
    with (
        SearchEngine.open(uri, "colours") as served,
        SearchEngine.open(tmp_path / "embedded", "colours") as embedded,
    ):
        for engine in (served, embedded):
            assert engine.index(photos, options=Options(jobs=1)).notes == []
        assert served.reader.keeper.problems() == []  # the run itself brought it up to date
        for query in QUESTIONS:
            assert told(served, query) == told(embedded, query)
        alike = [
            [m.score for m in engine.similar(engine.search("red", k=1)[0], k=5)]
            for engine in (served, embedded)
        ]
        assert alike[0] == alike[1]
        found = examine(served.folder).problems
        assert [line for line in found if "index" in line or "Milvus" in line] == []
