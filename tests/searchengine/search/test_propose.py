from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.errors import QueryError
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.proposer import MOST, Proposer
from searchengine import Filter, Match, Options, Query, SearchEngine
from searchengine.photos.recent_images import RecentImages
from searchengine.search.propose import Answered, Completed, Limits, with_proposals
from searchengine.search.recall import questions

Draw = Callable[[Segments], NDArray[np.bool_]]


class Drawing(Proposer):
    """Proposes what a function draws in the frame of the index."""

    fingerprint = "drawing"
    name = "drawing"

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.asked: list[str] = []

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        self.asked.append(prompt)
        return Segments.from_masks(self._draw(known)[:most])


def completed(
    engine: SearchEngine, query: Query, draw: Draw, photos: int = 1
) -> tuple[tuple[Match, ...], Completed]:
    """Matches before the proposals, and what answers with them."""
    before = engine.search(query)
    assert before.understood is not None
    (question,) = questions([before.understood], engine.models.embedder)
    calibration = engine.preset.calibration()
    assert calibration is not None
    return before.items, with_proposals(
        Answered(before.items, before.understood, question, calibration.confidence),
        engine.reader.catalog,
        Drawing(draw),
        engine.models.embedder,
        Limits(photos, 10, RecentImages(engine.preset.image_side)),
    )


def answered(
    engine: SearchEngine, words: str, draw: Draw, k: int = 20, photos: int = 1
) -> tuple[tuple[Match, ...], tuple[Match, ...], tuple[str, ...]]:
    """Matches before and after the proposals, and the notes."""
    before, after = completed(engine, Query(words=words, k=k), draw, photos)
    return before, after.items, after.notes


def shown(known: Segments, number: int = 0) -> NDArray[np.bool_]:
    """The mask of the photo's smallest segment that is not a speck."""
    order = np.argsort(known.areas)
    return known.masks()[order[number]]


def test_a_mask_of_something_else_becomes_a_match_of_its_own(engine: SearchEngine) -> None:
    def corner(known: Segments) -> NDArray[np.bool_]:
        mask = np.zeros((1, *known.size), np.bool_)
        mask[0, -12:, :12] = True
        return mask

    before, after, notes = answered(engine, "red", corner)
    assert notes == ()
    (new,) = (match for match in after if match.proposed)
    assert len(after) == len(before) + 1
    assert new.photo.id == before[0].photo.id
    assert new.segment_id == -1
    assert new.to_dict()["proposed"]
    assert [match.segment_id for match in after if not match.proposed] == [
        match.segment_id for match in before
    ]
    assert [match.rank for match in after] == list(range(1, len(after) + 1))
    scores = [match.score or 0 for match in after]
    assert scores == sorted(scores, reverse=True)
    sure = [match.confidence or 0 for match in after]
    assert sure == sorted(sure, reverse=True)
    assert after[0].segment_id == before[0].segment_id


def test_of_two_masks_of_one_thing_the_better_one_is_shown(engine: SearchEngine) -> None:
    def core(known: Segments) -> NDArray[np.bool_]:
        mask = shown(known)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        inner = np.zeros((1, *known.size), np.bool_)
        inner[0, rows[6] : rows[-6], columns[6] : columns[-6]] = True
        return inner & mask

    def loose(known: Segments) -> NDArray[np.bool_]:
        mask = shown(known)
        return (mask | np.roll(mask, 7, axis=1) | np.roll(mask, 7, axis=0))[None]

    before, better, _ = answered(engine, "red", core)
    assert better[0].proposed == ((better[0].score or 0) > (before[0].score or 0))
    assert len(better) == len(before)
    _, worse, _ = answered(engine, "red", loose)
    assert [match.segment_id for match in worse] == [match.segment_id for match in before]
    if better[0].proposed:
        assert before[0].segment_id in better[0].merged


def test_only_the_best_photos_are_looked_at_and_no_more_matches_come_than_asked(
    engine: SearchEngine,
) -> None:
    def everything(known: Segments) -> NDArray[np.bool_]:
        mask = np.zeros((2, *known.size), np.bool_)
        mask[0, :8, :8] = mask[1, -8:, -8:] = True
        return mask

    before, after, _ = answered(engine, "red", everything, k=3, photos=2)
    assert len(after) == len(before) == 3
    _, after, _ = answered(engine, "red", everything, photos=2)
    proposed = [match for match in after if match.proposed]
    assert len({match.photo.id for match in proposed}) == 2
    assert len({match.segment_id for match in after}) == len(after)


def three(known: Segments) -> NDArray[np.bool_]:
    """A corner of the background, the heart of the smallest thing, and that thing with more."""
    thing, (height, width) = shown(known), known.size
    corner, heart = np.zeros((2, height, width), np.bool_)
    corner[-20:, :20] = True
    rows, columns = np.flatnonzero(thing.any(axis=1)), np.flatnonzero(thing.any(axis=0))
    heart[rows[9] : rows[-9], columns[9] : columns[-9]] = True
    return np.stack([corner, heart & thing, thing | np.roll(thing, 12, axis=0)])


def test_what_became_of_each_proposal_is_told(engine: SearchEngine) -> None:
    before, done = completed(engine, Query(words="red"), three)
    account = done.account
    assert (account.prompt, account.maker, account.fingerprint) == ("red", "drawing", "drawing")
    (photo,) = account.photos
    assert photo.photo.id == before[0].photo.id
    assert len(photo.proposals) == 3
    assert photo.alone + photo.in_place + photo.behind == 3
    scores = [each.score for each in photo.proposals]
    assert scores == sorted(scores, reverse=True)
    by_id = {match.segment_id: match for match in done.items}
    for each in photo.proposals:
        assert (each.segment_id is None) == (each.behind is not None)
        assert each.shown == (each.segment_id in by_id)
        if each.in_place_of is not None:
            assert each.segment_id is not None
            assert each.in_place_of in by_id[each.segment_id].merged
    assert {match.segment_id for match in done.items if match.proposed} == {
        each.segment_id for each in photo.proposals if each.shown
    }
    assert all(each.alone for each in photo.proposals if each.score == min(scores))
    assert account.to_dict()["photos"][0]["proposed"] == 3
    assert len(account.lines()) == 5


def test_a_proposal_below_what_is_shown_is_told(engine: SearchEngine) -> None:
    _, done = completed(engine, Query(words="red", k=1), three)
    assert len(done.items) == 1
    (photo,) = done.account.photos
    (last,) = (each for each in photo.proposals if each.alone)
    assert not last.shown
    assert str(last).endswith(", alone, below what is shown")


def test_proposals_meet_the_conditions_of_the_query(engine: SearchEngine) -> None:
    _, done = completed(engine, Query(words="red", per_photo=1), three, photos=2)
    assert any(each.segment_id for photo in done.account.photos for each in photo.proposals)
    ids = [match.photo.id for match in done.items]
    assert len(ids) == len(set(ids))
    _, done = completed(engine, Query(words="red", where=Filter(min_area=0.05)), three)
    (photo,) = done.account.photos
    assert len(photo.proposals) == 2  # the corner is smaller
    assert not any(match.proposed for match in done.items)


def test_a_photo_that_is_gone_keeps_its_answer_and_is_told(tmp_path: Path, photos: Path) -> None:
    copy = tmp_path / "photos" / "red.jpg"
    copy.parent.mkdir()
    copy.write_bytes((photos / "2023" / "red.jpg").read_bytes())
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(copy.parent, options=Options(jobs=1))
        before = engine.search("red")
        copy.unlink()
        after = engine.propose(before)
    assert [match.segment_id for match in after] == [match.segment_id for match in before]
    assert after.notes[-1].startswith(f"nothing is proposed in {copy}: ")


def test_a_segmenter_that_drops_nothing_has_nothing_to_propose(engine: SearchEngine) -> None:
    before = engine.search("red")
    after = engine.propose(before, photos=2)
    assert before.proposals is None
    assert after.proposals is not None
    assert (after.proposals.prompt, after.proposals.maker) == ("red", "candidates")
    assert [photo.proposals for photo in after.proposals.photos] == [(), ()]
    assert [m.segment_id for m in after] == [m.segment_id for m in before]
    assert [m.confidence for m in after] == pytest.approx([m.confidence for m in before])


def test_a_preset_s_own_proposer_searches_the_index_that_another_made(
    tmp_path: Path, engine: SearchEngine
) -> None:
    own = tmp_path / "own.toml"
    own.write_text("extends = 'colours'\nproposer = {kind = 'candidates', depth = 1}")
    with SearchEngine.open(engine.folder, preset=str(own)) as other:
        found = other.propose(other.search("red"), photos=1)
        assert [m.segment_id for m in found] == [m.segment_id for m in engine.search("red")]
        assert other.preset.proposer["depth"] == 1


def test_nothing_is_proposed_without_words_or_photos(engine: SearchEngine) -> None:
    with pytest.raises(QueryError, match="without words"):
        engine.propose(engine.similar(engine.search("red")[0]))
    with pytest.raises(QueryError, match="0 photos"):
        engine.propose(engine.search("red"), photos=0)
