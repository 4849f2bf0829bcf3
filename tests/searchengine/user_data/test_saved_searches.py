from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.lock import WriterLock
from model.embeddings import Embeddings
from model.errors import (
    IndexReadOnly,
    NameTaken,
    NameUnknown,
    PhotoError,
    QueryError,
    UserDataDamaged,
)
from searchengine import Example, Filter, Negative, Options, Query, SearchEngine
from searchengine.matches.match import CONFIDENT


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    """Three of the photos, to be indexed; the others come later."""
    chosen = tmp_path / "photos"
    chosen.mkdir()
    for name in ("2024/two.jpg", "green.jpg", "yellow.png"):
        shutil.copy(photos / name, chosen)
    return chosen


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Iterator[SearchEngine]:
    """An engine over the index of `folder`."""
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder, options=Options(jobs=1))
        yield engine


def add(engine: SearchEngine, folder: Path, photo: Path) -> None:
    shutil.copy(photo, folder)
    assert engine.index(folder, options=Options(jobs=1)).added == 1


def photos_of(matches: object) -> set[str]:
    return {Path(match.photo.path).name for match in matches}  # type: ignore[attr-defined]


def test_only_what_was_added_since_is_new(own: SearchEngine, folder: Path, photos: Path) -> None:
    made = own.saved.add("red things", "red")
    assert (made.question.words, made.least_confidence) == ("red", CONFIDENT)
    assert own.saved.new("red things").photos == 0
    add(own, folder, photos / "2023" / "red.jpg")
    add(own, folder, photos / "three.jpg")
    peeked = own.saved.new("red things", mark=False)
    assert (peeked.photos, photos_of(peeked.matches)) == (2, {"red.jpg"})
    assert all((match.confidence or 0) >= CONFIDENT for match in peeked.matches)
    new = own.saved.new("red things")
    assert [m.segment_id for m in new.matches] == [m.segment_id for m in peeked.matches]
    assert own.saved.new("red things").photos == 0
    assert photos_of(own.saved.run("red things")) == {"red.jpg", "two.jpg"}


def test_without_new_photos_no_model_is_loaded(
    own: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.opened_index import OpenedIndex

    own.saved.add("red things", "red")
    monkeypatch.setattr(OpenedIndex, "embedder", property(lambda _: pytest.fail("loaded")))
    assert not len(own.saved.new("red things").matches)


def test_a_run_counts_as_seen(own: SearchEngine, folder: Path, photos: Path) -> None:
    own.saved.add("red things", "red")
    add(own, folder, photos / "2023" / "red.jpg")
    own.saved.run("red things", mark=False)
    assert own.saved.new("red things", mark=False).photos == 1
    own.saved.run("red things")
    assert own.saved.new("red things").photos == 0


def test_conditions_and_counts_are_kept(own: SearchEngine, folder: Path, photos: Path) -> None:
    where = Filter(path_glob="t*.jpg", after="2023", before="2024-05-17 14:30", min_area=0.01)
    query = Query(words="blue", negatives=(Negative("red", 0.7),), where=where, k=2, per_photo=1)
    own.saved.add("blue", query, least_confidence=0.0)
    kept, notes = own.saved.get("blue").question.asked(own.reader)
    assert (replace(kept), notes) == (query, ())
    add(own, folder, photos / "three.jpg")
    assert own.saved.new("blue").photos == 1
    assert not len(own.saved.new("blue").matches)  # it has no date
    with pytest.raises(QueryError, match="by their ids"):
        own.saved.add("ids", Query(words="red", where=Filter(photo_ids=(1,))))
    with pytest.raises(QueryError, match="a confidence of 7"):
        own.saved.add("sure", "red", least_confidence=7)


def test_examples_are_kept_with_what_finds_them_again(
    own: SearchEngine, folder: Path, photos: Path
) -> None:
    (red,) = own.search("red", k=1)
    saved = own.saved.add("like that", examples=[red])
    assert saved.least_score is not None
    asked = own.similar(red)
    assert [m.score for m in own.saved.run("like that")][:2] == pytest.approx(
        [m.score for m in asked][:2], abs=1e-3
    )
    (kept,) = saved.question.examples
    assert kept.segment_in(own.reader.catalog) is not None
    assert str(saved.question) == "like a segment of two.jpg"
    strict = own.saved.add("very alike", examples=[red], least_score=0.9)
    assert strict.least_score == 0.9
    add(own, folder, photos / "2023" / "red.jpg")
    assert photos_of(own.saved.new("very alike").matches) == {"red.jpg"}
    for example in (
        folder / "green.jpg", Example(folder / "green.jpg", at=(180, 130)),
        Example(photos / "three.jpg", at=(55, 95)), photos / "three.jpg",
    ):  # fmt: skip
        (kept,) = own.saved.add("place", examples=[example], overwrite=True).question.examples
        assert np.linalg.norm(kept.vector) == pytest.approx(1, abs=1e-3)
        assert kept.path.endswith(".jpg")
    with pytest.raises(QueryError, match="outside the photo"):
        own.saved.add("far", examples=[Example(folder / "green.jpg", at=(9999, 1))])
    with pytest.raises(PhotoError):
        own.saved.add("gone", examples=[folder / "none.jpg"])
    with pytest.raises(QueryError, match="query is empty"):
        own.saved.add("nothing")


def test_judged_segments_are_kept_though_their_ids_change(own: SearchEngine) -> None:
    red, green = own.search("red", k=1)[0], own.search("green", k=1)[0]
    query = Query(words="red", like=(red.segment_id,), unlike=(green.segment_id,))
    own.saved.add("judged", query)
    asked, notes = own.saved.get("judged").question.asked(own.reader)
    assert (asked.like, asked.unlike, notes) == ((red.segment_id,), (green.segment_id,), ())
    matches = own.propose(own.search("red", k=3), photos=3, keep=True)
    assert matches.proposals is not None
    if matches.proposals.kept:
        again, _ = own.saved.get("judged").question.asked(own.reader)
        assert again.like != asked.like or again.unlike != asked.unlike
        rows = own.reader.catalog.segments((*again.like, *again.unlike))
        assert [row.counts for row in rows.values()] == [
            red.segment.counts, green.segment.counts,
        ]  # fmt: skip


def test_names_are_one_each_and_can_be_removed(own: SearchEngine) -> None:
    own.saved.add("b", "red")
    own.saved.add("a", "blue")
    assert [each.name for each in own.saved.all()] == ["a", "b"]
    with pytest.raises(NameTaken):
        own.saved.add("a", "green")
    own.saved.add("a", "green", overwrite=True)
    assert own.saved.get("a").question.words == "green"
    own.saved.remove("a")
    for deed in (own.saved.get, own.saved.run, own.saved.new, own.saved.remove):
        with pytest.raises(NameUnknown):
            deed("a")


def test_what_is_exported_can_be_read_elsewhere(own: SearchEngine, engine: SearchEngine) -> None:
    (red,) = own.search("red", k=1)
    query = Query(words="red", where=Filter(after="2023"), like=(red.segment_id,))
    exported = json.loads(json.dumps(own.saved.add("x", query).to_dict(vectors=True)))
    again = engine.saved.read(exported)
    assert again.question.to_dict() == own.saved.get("x").question.to_dict()
    del exported["seen"]
    assert engine.saved.read(exported).seen.photo == int(engine.reader.catalog.photo_ids()[-1])


def test_an_index_that_was_made_anew_counts_all_as_added(
    own: SearchEngine, folder: Path, tmp_path: Path
) -> None:
    own.saved.add("red things", "red")
    own.close()
    (tmp_path / "index" / "catalog.sqlite").unlink()
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder, options=Options(jobs=1))
        new = engine.saved.new("red things")
        assert new.photos == 3
        assert "made anew" in new.matches.left_out[0]
        assert engine.saved.new("red things").photos == 0


def test_of_another_preset_words_are_embedded_again_and_examples_flagged(
    own: SearchEngine, folder: Path, photos: Path, tmp_path: Path
) -> None:
    (red,) = own.search("red", k=1)
    elsewhere = Example(photos / "three.jpg", at=(55, 95))
    own.saved.add("words", "red")
    own.saved.add("both", "red", examples=[red])
    own.saved.add("lost", examples=[elsewhere])
    whole = own.saved.add("whole", examples=[folder / "green.jpg"])
    assert whole.question.examples[0].whole
    own.saved.add("judged", Query(words="red", like=(red.segment_id,)))
    own.close()
    (tmp_path / "index" / "catalog.sqlite").unlink()
    preset = tmp_path / "other.toml"
    preset.write_text('extends = "colours"\nname = "other"\nimage_side = 200\n')
    with SearchEngine.open(tmp_path / "index", preset=str(preset)) as engine:
        engine.index(folder, options=Options(jobs=1))
        told = engine.saved.run("words")
        assert photos_of(told) == {"two.jpg"}
        assert "made with preset 'colours'" in told.left_out[0]
        assert any("made with another preset" in n for n in engine.saved.run("both").left_out)
        query, _ = engine.saved.get("whole").question.asked(engine.reader)
        assert query.example is not None
        assert query.example.space == engine.reader.catalog.manifest.space
        judged, _ = engine.saved.get("judged").question.asked(engine.reader)
        (row,) = engine.reader.catalog.segments(judged.like).values()
        assert row.counts == red.segment.counts
        with pytest.raises(QueryError, match="nothing is left to ask by"):
            engine.saved.run("lost")


def test_a_vector_alone_can_be_kept(own: SearchEngine) -> None:
    space = own.reader.catalog.manifest.space
    vector = Embeddings(own.reader.catalog.vectors_of([1, 2]), space)
    own.saved.add("vector", Query(example=vector[:1], liked=vector, k=3))
    asked, notes = own.saved.get("vector").question.asked(own.reader)
    assert not notes
    assert asked.example is not None
    assert asked.liked is not None
    assert np.allclose(asked.liked.vectors, vector.vectors, atol=1e-3)


def test_searches_are_saved_while_an_indexing_holds_the_lock(own: SearchEngine) -> None:
    with WriterLock(own.folder):
        own.saved.add("meanwhile", "red")
        assert len(own.saved.run("meanwhile"))


def test_a_damaged_file_is_one_line(own: SearchEngine) -> None:
    own.saved.add("x", "red")
    (own.folder / "user.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(UserDataDamaged, match="doctor --fix"):
        own.saved.all()
    assert len(own.search("red"))


def test_where_nothing_can_be_written_matches_are_shown_all_the_same(
    own: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.user_data.user_data import UserData

    def refused(*_: object) -> None:
        raise IndexReadOnly("it cannot be written to", "make its folder writable")

    own.saved.add("red things", "red")
    monkeypatch.setattr(UserData, "see_search", refused)
    found = own.saved.run("red things")
    assert len(found)
    assert "not noted as seen: it cannot be written to" in found.left_out[-1]
    assert "not noted as seen" in own.saved.new("red things").matches.left_out[-1]
