from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model.datasets.parquet import parquet_pairs
from model.datasets.skipped_rows import SkippedRows
from model.errors import ExportError, NameUnknown, QueryError
from searchengine import Query, SearchEngine
from searchengine.user_data.judged_pairs import write_pairs


@pytest.fixture
def own(indexed: Path, tmp_path: Path) -> SearchEngine:
    return SearchEngine.open(shutil.copytree(indexed, tmp_path / "index"))


def test_judgements_are_kept_and_heeded(own: SearchEngine) -> None:
    red, green = own.search("red", k=1)[0], own.search("green", k=1)[0]
    own.judgements.judge("reds", "red", like=[red], unlike=[green.segment_id])
    (counts,) = own.judgements.all()
    assert (counts.name, counts.right, counts.wrong, counts.words) == ("reds", 1, 1, ("red",))
    query = own.judgements.heeded(Query(words="red"), "reds")
    assert (query.like, query.unlike) == ((red.segment_id,), (green.segment_id,))
    assert query.liked is None
    mine = Query(words="red", like=(green.segment_id,))
    assert own.judgements.heeded(mine, "reds").unlike == ()
    own.judgements.judge("reds", "red", unlike=[red])
    assert [judgement.right for judgement in own.judgements.get("reds")] == [False, False]
    assert own.judgements.remove("reds") == 2
    with pytest.raises(NameUnknown):
        own.judgements.get("reds")
    with pytest.raises(QueryError, match="no segment 99999"):
        own.judgements.judge("reds", "red", like=[99999])
    own.judgements.judge("nothing", "red")
    assert own.judgements.all() == []


def test_a_judged_segment_that_went_counts_by_its_vector(own: SearchEngine) -> None:
    (red,) = own.search("red", k=1)
    own.judgements.judge("reds", "red", like=[red])
    own.close()
    from indexer.index import Index

    with Index.open(own.folder, readonly=False) as index:
        index.catalog.forget_files(red.photo.files)
    with SearchEngine.open(own.folder) as engine:
        query = engine.judgements.heeded(Query(words="red"), "reds")
        assert query.like == ()
        assert query.liked is not None
        assert len(engine.search(query))


def test_what_was_judged_right_is_written_as_pairs_that_training_reads(
    own: SearchEngine, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    reds = own.search("red", k=2)
    (green,) = own.search("green", k=1)
    own.judgements.judge("reds", "red ball", like=reds, unlike=[green])
    report = write_pairs(own.judgements.get("reds"), own.reader, tmp_path / "pairs")
    assert (report.pairs, report.wrong, report.lost) == (2, 1, 0)
    assert report.photos == len({match.photo.id for match in reds})
    assert "1 judged wrong" in str(report)
    skipped = SkippedRows()
    pairs = list(parquet_pairs(tmp_path / "pairs", Path(report.photos_root), skipped))
    assert not skipped.lines()
    assert {(pair.photo, pair.counts) for pair in pairs} == {
        (Path(match.photo.path), match.segment.counts) for match in reds
    }
    assert {pair.texts for pair in pairs} == {("red ball",)}
    with pytest.raises(ExportError, match="not empty"):
        write_pairs(own.judgements.get("reds"), own.reader, tmp_path / "pairs")


def test_without_a_right_one_no_pair_is_written(own: SearchEngine, tmp_path: Path) -> None:
    (green,) = own.search("green", k=1)
    own.judgements.judge("reds", "red", unlike=[green])
    own.judgements.judge("wordless", "", like=[green])
    for name in ("reds", "wordless"):
        with pytest.raises(ExportError, match="makes a pair"):
            write_pairs(own.judgements.get(name), own.reader, tmp_path / "pairs")
    assert not (tmp_path / "pairs").exists()
