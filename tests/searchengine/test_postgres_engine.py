"""An engine over PostgreSQL answers as one over a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from searchengine import Filter, Options, Query, SearchEngine
from searchengine.doctor import examine

pytest.importorskip("psycopg")
QUESTIONS = (
    Query(words="red"),
    Query(words="blue", all_duplicates=True),
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
    """All that is said of matches, but for ids, which tell in what order photos were stored."""
    found = [
        (
            m.photo.path,
            m.segment.ordinal,
            m.photo.taken_at,
            m.score,
            m.confidence,
            m.box,
            m.segment.counts,
        )
        for m in engine.search(query)
    ]
    return sorted(found, key=lambda each: (-each[3], *each[:2]))


def test_it_indexes_searches_and_exports_as_a_folder_does(
    engines: list[SearchEngine], tmp_path: Path, photos: Path
) -> None:
    served, embedded = engines
    for query in QUESTIONS:
        assert told(served, query) == told(embedded, query)
        assert told(served, query) or query.where != Filter()
    for engine, name in zip(engines, ("served", "embedded"), strict=True):
        engine.export("red", tmp_path / name)
    masks = [
        sorted(path.read_bytes() for path in (tmp_path / name).rglob("*.png"))
        for name in ("served", "embedded")
    ]
    assert masks[0] == masks[1]
    assert masks[0]
    everything = [
        {(m.photo.path, m.segment.ordinal): m for m in engine.segments()} for engine in engines
    ]
    assert everything[0].keys() == everything[1].keys()
    for place in list(everything[0])[::5]:
        one, other = (held[place] for held in everything)
        assert (one.segment.counts, one.box) == (other.segment.counts, other.box)
        alike = [
            [m.score for m in engine.similar(held[place], k=5)]  # which of equal ones, ids tell
            for engine, held in zip(engines, everything, strict=True)
        ]
        assert alike[0] == alike[1]
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
