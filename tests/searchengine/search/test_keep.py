from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.lock import WriterLock
from model.masks.segments import Segments
from model.proposals.candidates import CandidateProposer
from searchengine import (
    Filter,
    IndexLocked,
    IndexMissing,
    IndexReadOnly,
    Options,
    Query,
    SearchEngine,
    examine,
)

WORDS = "red"


def drawn(
    proposer: CandidateProposer, image: Any, prompt: str, known: Segments, most: int
) -> Segments:
    """In any photo: the heart of its smallest thing, and a corner."""
    thing = known.masks()[np.argsort(known.areas)[0]]
    rows, columns = np.flatnonzero(thing.any(axis=1)), np.flatnonzero(thing.any(axis=0))
    masks = np.zeros((2, *known.size), np.bool_)
    masks[0, rows[9] : rows[-9], columns[9] : columns[-9]] = True
    masks[0] &= thing
    masks[1, -20:, :20] = True
    return Segments.from_masks(masks)


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    """Copies of two photos."""
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("2023/red.jpg", "2024/two.jpg"):
        (place / Path(name).name).write_bytes((photos / name).read_bytes())
    return place


@pytest.fixture
def engine(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchEngine]:
    """An engine over an index of `folder` that may be changed."""
    monkeypatch.setattr(CandidateProposer, "propose", drawn)
    with SearchEngine.open(tmp_path / "index", preset="colours") as opened:
        opened.index(folder, options=Options(jobs=1))
        yield opened


def test_what_is_shown_becomes_part_of_the_index(engine: SearchEngine) -> None:
    before = engine.status()
    asked = engine.search(WORDS)
    plain = engine.propose(asked, photos=2)
    assert any(match.proposed for match in plain)
    assert engine.status().segments == before.segments
    kept = engine.propose(asked, photos=2, keep=True)
    new = [match for match in kept if match.segment.origin is not None]
    assert len(new) == sum(match.proposed for match in plain)
    assert not any(match.proposed for match in kept)
    assert kept.proposals is not None
    assert kept.proposals.kept == len(new)
    origin = new[0].segment.origin
    assert origin is not None
    assert (origin.prompt, origin.proposer) == (WORDS, kept.proposals.fingerprint)
    assert new[0].to_dict()["origin"] == {"prompt": WORDS, "proposer": origin.proposer}
    # the answer is the same, under ids that the index knows
    assert [match.counts for match in kept] == [match.counts for match in plain]
    assert [match.score for match in kept] == [match.score for match in plain]
    ids = [match.segment_id for match in kept]
    assert [match.segment for match in engine.segments(sorted(ids))] == sorted(
        (match.segment for match in kept), key=lambda row: row.id
    )
    merged = [i for match in kept for i in match.merged]
    assert len(list(engine.segments(merged))) == len(set(merged))
    told = {
        i
        for photo in kept.proposals.photos
        for each in photo.proposals
        for i in (each.segment_id, each.in_place_of, each.behind)
        if i is not None and each.shown
    }
    assert len(list(engine.segments(told))) == len(told)
    after = engine.status()
    assert (after.kept, after.segments) == (len(new), before.segments + len(new))
    assert f"{len(new)} of them kept" in str(after)
    assert engine.reader.catalog.check(full=True) == []
    examined = dict(examine(engine.folder).facts)
    assert examined["index"].endswith(f"{len(new)} of them kept from proposals")
    assert examine(engine.folder).problems == []


def test_what_was_kept_answers_like_any_segment(engine: SearchEngine, tmp_path: Path) -> None:
    kept = engine.propose(engine.search(WORDS), photos=2, keep=True)
    new = {match.segment_id for match in kept if match.segment.origin is not None}
    assert engine.reader.cache is None or engine.reader.vectors is not None
    again = engine.search(WORDS)
    answering = {i for match in again for i in (match.segment_id, *match.merged)}
    assert new <= answering
    assert not any(match.proposed for match in again)
    one = engine.search(Query(words=WORDS, per_photo=1))
    assert len({match.photo.id for match in one}) == len(one)
    (itself,) = engine.segments([min(new)])
    assert engine.similar(itself)
    report = engine.export(Filter(), tmp_path / "masks")
    assert report.segments == engine.status().segments


def test_the_same_again_adds_nothing(engine: SearchEngine) -> None:
    first = engine.propose(engine.search(WORDS), photos=2, keep=True)
    state = engine.reader.catalog.watermark
    second = engine.propose(engine.search(WORDS), photos=2, keep=True)
    assert first.proposals is not None
    assert second.proposals is not None
    assert (first.proposals.kept > 0, second.proposals.kept) == (True, 0)
    assert engine.reader.catalog.watermark == state
    # of other words the same mask is held already, and the match is that
    third = engine.propose(engine.search("blue"), photos=2, keep=True)
    assert third.proposals is not None
    held = engine.reader.catalog.segments_of(first[0].photo.id)
    counts = [row.counts for row in held]
    assert len(counts) == len(set(counts))


def test_indexing_keeps_them_while_the_photo_is_as_it_was(
    engine: SearchEngine, folder: Path
) -> None:
    engine.propose(engine.search(WORDS), photos=2, keep=True)
    before = engine.status()
    assert before.kept
    (folder / "red.jpg").touch()
    assert engine.index(folder, options=Options(jobs=1)).added == 0
    assert engine.status().kept == before.kept
    for name in ("red.jpg", "two.jpg"):
        (folder / name).write_bytes(changed((folder / name).read_bytes()))
    assert engine.index(folder, options=Options(jobs=1)).added == 2
    assert engine.status().kept == 0
    assert engine.reader.catalog.check(full=True) == []


def changed(photo: bytes) -> bytes:
    """The photo mirrored."""
    from io import BytesIO

    from PIL import Image, ImageOps

    made = BytesIO()
    with Image.open(BytesIO(photo)) as picture:
        ImageOps.mirror(picture).save(made, "JPEG", quality=95)
    return made.getvalue()


def test_a_photo_that_changed_meanwhile_is_left_alone(
    engine: SearchEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*given: Any) -> Segments:
        (folder / "red.jpg").write_bytes(b"other")
        return drawn(*given)

    monkeypatch.setattr(CandidateProposer, "propose", meanwhile)
    asked = engine.search(Query(words=WORDS, where=Filter(path_glob="red.jpg")))
    done = engine.propose(asked, photos=1, keep=True)
    note = done.notes[-1]
    assert note.startswith(f"nothing is kept of {folder / 'red.jpg'}: ")
    assert "has changed since it was indexed" in note
    assert "\n" not in note
    assert any(match.proposed for match in done)
    assert engine.status().kept == 0


def test_a_photo_that_was_forgotten_meanwhile_is_told(
    engine: SearchEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*given: Any) -> Segments:
        with SearchEngine.open(engine.folder) as other:
            (folder / "red.jpg").unlink()
            other.index(folder, options=Options(jobs=1, prune=True))
        return drawn(*given)

    monkeypatch.setattr(CandidateProposer, "propose", meanwhile)
    asked = engine.search(Query(words=WORDS, where=Filter(path_glob="red.jpg")))
    done = engine.propose(asked, photos=1, keep=True)
    assert done.notes[-1].endswith("red.jpg is not in the index any more")
    assert engine.status().kept == 0


def test_an_index_that_may_not_be_written_is_told_before_models_are_loaded(
    engine: SearchEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = engine.search(WORDS)
    with SearchEngine.open(tmp_path / "none") as nothing, pytest.raises(IndexMissing):
        nothing.require_keeping()
    monkeypatch.setattr(CandidateProposer, "propose", None)
    with WriterLock(engine.folder), pytest.raises(IndexLocked):
        engine.propose(asked, keep=True)
    monkeypatch.setattr("indexer.catalog.sqlite.database.is_writable", lambda path: False)
    with pytest.raises(IndexReadOnly):
        engine.propose(asked, keep=True)
