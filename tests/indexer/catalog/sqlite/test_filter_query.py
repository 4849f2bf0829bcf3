from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from indexer.catalog.filter import Filter
from indexer.catalog.id_ranges import ids_of_ranges
from indexer.catalog.records import FileStamp, PhotoRow, SegmentRow
from indexer.catalog.sqlite.filter_query import selected_segments
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from model.errors import QueryError

ODD = ("/photos/2021/[1].jpg", "/photos/2021/\udcff.jpg", "/photos/new\nline/é.JPG", "/20/x.jpg")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, made: ModuleType) -> Iterator[SqliteCatalog]:
    with SqliteCatalog.create(
        tmp_path_factory.mktemp("filter") / "index", made.MANIFEST
    ) as catalog:
        made.write(catalog, 0, 40)
        for number, path in enumerate(ODD, start=100):
            catalog.add_photo(made.made_photo(number, 3), FileStamp(path, 1, 1))
        catalog.move_files([(FileStamp("/copies/of seven.jpg", 1, 1), 7)], ())
        catalog.forget_files([made.made_stamp(20).path])
        yield catalog


def reference(catalog: SqliteCatalog, wanted: Filter) -> list[int]:
    """The same by reading every photo and segment."""
    photos = catalog.photos(range(1, 200))
    segments = [s for photo in photos for s in catalog.segments_of(photo)]
    return sorted(s.id for s in segments if _holds(s, photos[s.photo_id], wanted))


def _holds(segment: SegmentRow, photo: PhotoRow, wanted: Filter) -> bool:
    return all(
        (
            wanted.photo_ids is None or photo.id in wanted.photo_ids,
            wanted.path_glob is None
            or any(_path_matches(f, wanted.path_glob) for f in photo.files),
            wanted.after is None or (photo.taken_at is not None and photo.taken_at >= wanted.after),
            wanted.before is None
            or (photo.taken_at is not None and photo.taken_at < wanted.before),
            wanted.camera is None or wanted.camera.lower() in (photo.camera or "").lower(),
            segment.area / (segment.frame[0] * segment.frame[1]) >= wanted.min_area,
        )
    )


def _path_matches(path: str, glob: str) -> bool:
    """What a person means by those of the patterns below that tell no more than a glob does."""
    if glob == "photos":
        return path.startswith("/photos/")
    glob = re.sub(r"(?i)\.jpg$", ".[jJ][pP][gG]", glob)
    parts = re.split(r"(\*|\?|\[\^?\]?[^\]]*\])", glob)
    special = {"*": ".*", "?": "."}
    pattern = "".join(
        special.get(p) or (p.replace("[[", "[\\[") if p[0] == "[" else re.escape(p))
        for p in parts
        if p
    )
    whole = [path] if "/" in glob else [path, path.rsplit("/", 1)[1]]
    below = [path[m.end() :] for m in re.finditer("/", path)] if "/" in glob else []
    return any(re.fullmatch(pattern, text, re.DOTALL) for text in whole + below)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(path_glob="*.jpg"),
        Filter(path_glob="*.JPG"),
        Filter(path_glob="img_000?.jpg"),
        Filter(path_glob="img_00[12]*"),
        Filter(path_glob="img_00[^12]*"),
        Filter(path_glob="2021/*"),
        Filter(path_glob="photos/202[13]/*"),
        Filter(path_glob="/photos/2021/*"),
        Filter(path_glob="hotos/*"),
        Filter(path_glob="[[]1].jpg"),
        Filter(path_glob="\udcff.jpg"),
        Filter(path_glob="new?line/*"),
        Filter(path_glob="?.JPG"),
        Filter(path_glob="photos"),
        Filter(path_glob="of seven*"),
        Filter(path_glob=""),
        Filter(after=datetime(2023, 1, 11)),
        Filter(before=datetime(2023, 1, 11)),
        Filter(after=datetime(2023, 1, 5), before=datetime(2023, 1, 6)),
        Filter(after=datetime(2023, 1, 5, 0, 0, 0, 1)),
        Filter(camera="canon"),
        Filter(camera="éMILE"),
        Filter(camera="100%"),
        Filter(camera="_"),
        Filter(camera="%"),
        Filter(camera="d"),
        Filter(camera="nobody"),
        Filter(min_area=0.1),
        Filter(min_area=20 / 768),
        Filter(min_area=468 / 768),
        Filter(min_area=1.0),
        Filter(photo_ids=(3, 4, 5, 999)),
        Filter(photo_ids=()),
        Filter(path_glob="2021/*", camera="o", min_area=0.05, after=datetime(2023, 1, 2)),
        Filter(path_glob="2023/*", photo_ids=tuple(range(30)), min_area=0.02),
    ],
)
def test_a_filter_leaves_what_reading_all_would(filled: SqliteCatalog, wanted: Filter) -> None:
    found = filled.segment_ids(wanted)
    assert found.dtype == np.int64
    assert found.tolist() == reference(filled, wanted)


def test_the_examples_are_not_all_empty(filled: SqliteCatalog) -> None:
    everything = len(filled.segment_ids())
    for wanted in (
        Filter(path_glob="2021/*"),
        Filter(path_glob="\udcff.jpg"),
        Filter(camera="éMILE"),
        Filter(min_area=468 / 768),
    ):
        assert 0 < len(filled.segment_ids(wanted)) < everything
    assert len(filled.segment_ids(None)) == everything


@pytest.mark.parametrize("area", [-0.1, 1.1, float("nan")])
def test_an_area_that_is_no_share_is_refused(area: float) -> None:
    with pytest.raises(QueryError, match="no share"):
        Filter(min_area=area)


def test_a_time_zone_is_refused() -> None:
    with pytest.raises(QueryError, match="local time"):
        Filter(after=datetime(2023, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[1].jpg", 0),
        ("[1].JPG", 0),
        ("2021/[1]*", 0),
        ("2021/\udcff.JPG", 1),
        ("e\u0301.jpg", 2),
        ("\u00e9.jpg", 2),
        ("new\nline", 2),
        ("new\nline/", 2),
        ("/photos/new?line/", 2),
        ("/20/", 3),
        ("20/x.JPG", 3),
    ],
)
def test_a_path_is_met_however_it_is_written(
    filled: SqliteCatalog, pattern: str, expected: int
) -> None:
    segments = filled.segments(filled.segment_ids(Filter(path_glob=pattern)).tolist()).values()
    photos = filled.photos({segment.photo_id for segment in segments})
    assert [photo.path for photo in photos.values()] == [ODD[expected]]


@pytest.mark.parametrize("pattern", ["*" * 60_000, "a\0b", "\ud800"])
def test_what_can_be_no_path_is_refused(pattern: str) -> None:
    with pytest.raises(QueryError, match="is no path"):
        Filter(path_glob=pattern)


def test_ranges_become_ids() -> None:
    first, count = np.array([3, 9, 9, 20]), np.array([2, 0, 3, 1])
    assert ids_of_ranges(first, count).tolist() == [3, 4, 9, 10, 11, 20]
    assert ids_of_ranges(first[:0], count[:0]).tolist() == []


def test_an_empty_index_has_no_segments(tmp_path: Path, made: ModuleType) -> None:
    with SqliteCatalog.create(tmp_path / "index", made.MANIFEST) as catalog:
        for wanted in (None, Filter(min_area=0.5), Filter(camera="x"), Filter(path_glob="*")):
            assert catalog.segment_ids(wanted).tolist() == []
        assert list(catalog.vector_blocks()) == []
        assert catalog.counts() == (0, 0, 0, 0, 0)


def test_a_folder_is_a_range_of_the_paths(filled: SqliteCatalog) -> None:
    told: list[str] = []

    with filled.database.reading() as connection:
        event.listen(connection, "before_cursor_execute", explain_with(told))
        selected_segments(connection, Filter(path_glob="/photos/2021/*"))
    assert any("files USING PRIMARY KEY (path>? AND path<?)" in line for line in told)
    assert not any("SCAN files" in line for line in told)


def explain_with(told: list[str]) -> Callable[..., None]:
    """A listener that notes the plan of every statement."""

    def explain(_: object, cursor: Any, statement: str, values: Any, *__: object) -> None:
        if statement.startswith("SELECT"):
            told.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values))

    return explain
