"""An engine over PostgreSQL answers as one over a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from searchengine import Filter, Options, Query, SearchEngine
from searchengine.doctor import examine

pytest.importorskip("psycopg")
QUESTIONS = (
    Query(words="red"),
    Query(words="blue", k=3, all_duplicates=True),
    Query(words="blue", negatives=("red",), where=Filter(min_area=0.02)),
    Query(words="green", where=Filter(path_glob="*.jpg", after="2023")),
    Query(words="yellow", where=Filter(places=("left",), format="png")),
    Query(words="red", where=Filter(camera="acme", before="2024"), per_photo=1),
)


@pytest.fixture
def engines(postgres_uri: str, photos: Path, tmp_path: Path) -> Iterator[list[SearchEngine]]:
    with (
        SearchEngine.open(postgres_uri, "colours") as served,
        SearchEngine.open(tmp_path / "embedded", "colours") as embedded,
    ):
        for engine in (served, embedded):
            report = engine.index(photos, options=Options(jobs=1))
            assert report.added == 5
        yield [served, embedded]


def told(engine: SearchEngine, query: Query) -> list[tuple[object, ...]]:
    return [
        (
            m.segment_id,
            m.photo.path,
            m.photo.taken_at,
            m.score,
            m.confidence,
            m.box,
            m.segment.counts,
        )
        for m in engine.search(query)
    ]


def test_it_indexes_searches_and_exports_as_a_folder_does(
    engines: list[SearchEngine], tmp_path: Path, photos: Path
) -> None:
    served, embedded = engines
    for query in QUESTIONS:
        assert told(served, query) == told(embedded, query)
        assert told(served, query) or query.where != Filter()
    for engine, name in zip(engines, ("served", "embedded"), strict=True):
        engine.export("red", tmp_path / name)
    exported = sorted(
        path.relative_to(tmp_path / "served") for path in (tmp_path / "served").rglob("*.png")
    )
    assert exported
    for path in exported:
        assert (tmp_path / "served" / path).read_bytes() == (
            tmp_path / "embedded" / path
        ).read_bytes()
    for one, other in zip(served.segments(k=9), embedded.segments(k=9), strict=True):
        assert one.segment == other.segment
        similar = [[m.segment_id for m in e.similar(one, k=5)] for e in engines]
        assert similar[0] == similar[1]
    again = served.index(photos, options=Options(jobs=1))
    assert (again.added, again.unchanged) == (0, 5)
    status, plain = served.status(), embedded.status()
    assert (status.photos, status.segments, status.roots) == (
        plain.photos,
        plain.segments,
        plain.roots,
    )
    assert status.server["database"].startswith("postgresql+pgvector://")
    assert "database  postgresql" in str(status)
    assert plain.server == {}
    diagnosis = examine(served.folder)
    assert [line for line in diagnosis.problems if "index" in line or "vector" in line] == []
    assert dict(diagnosis.facts)["pgvector"] >= "0.8"
    questions = np.stack([e.reader.catalog.photo_vector(1) for e in engines])
    assert np.array_equal(questions[0], questions[1])
