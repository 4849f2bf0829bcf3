from pathlib import Path

import numpy as np
import pytest

from model import Segments
from model.datasets.corpus import read_corpus
from model.datasets.pairs import TrainingPair
from model.embedders.geometry import PLACES
from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.masks import rle
from model.presets.preset import load_preset
from model.training.segment_head import segmenter_pairs
from model.training.segment_head.segmenter_pairs import NONE, ProposedPairs, Proposer, judged

SIZE = (20, 30)


def box(y0: int, x0: int, y1: int, x1: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def pair(mask: np.ndarray, kind: str) -> TrainingPair:
    return TrainingPair(Path("x.jpg"), SIZE, rle.encode(mask[None])[0], ("it",), kind)


PAIRS = [pair(box(0, 0, 10, 10), "object"), pair(box(10, 0, 20, 30), "stuff")]
SEEN = Segments.from_masks(
    np.stack(
        [
            box(0, 0, 10, 9),  # shows the object: IoU 0.9
            box(11, 0, 20, 30),  # shows the stuff
            box(10, 0, 20, 5),  # is some of the stuff
            box(0, 0, 5, 7),  # is loose: IoU 0.35
            box(0, 0, 5, 9),  # nobody can say: IoU 0.45
            box(0, 20, 5, 30),  # has nothing to do with either
        ]
    )
)


def two_looks() -> list[EfficientNetTrunk]:
    return [EfficientNetTrunk.shared(side=side) for side in (448, 96)]


def test_masks_are_judged_by_how_they_fit() -> None:
    shown, chosen = judged(SEEN, PAIRS)
    assert dict(zip(chosen.tolist(), shown.tolist(), strict=True)) == {0: 0, 1: 1, 3: NONE}


def test_those_that_fit_come_first_and_only_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter_pairs, "MOST", 2)
    shown, chosen = judged(SEEN, PAIRS)
    assert set(chosen.tolist()) == {0, 1}
    shown, chosen = judged(Segments.empty(SIZE), PAIRS)
    assert len(shown) == len(chosen) == 0


def test_rows_are_told_by_their_new_places() -> None:
    proposed = ProposedPairs(
        np.arange(4, dtype=np.float16)[None, :, None].repeat(2, axis=2),
        np.zeros((4, PLACES), np.float32),
        np.array([3, 1, NONE, NONE]),
        np.array([2, 0, 0, 2]),
    )
    kept = proposed.of_rows(np.array([2, 3]), 4)
    assert kept.row.tolist() == [1, NONE]  # the pair of the second and its photo are gone
    assert kept.near.tolist() == [0, 0]
    assert kept.pooled[0, :, 0].tolist() == [0, 3]


def test_a_photo_is_seen_once_and_kept(tmp_path: Path, squares_corpus: Path) -> None:
    photos = [p for p in read_corpus(squares_corpus) if p.source == "squares"]
    preset, trunks = (
        load_preset("colours"),
        [EfficientNetTrunk.shared(side=side) for side in (448, 96)],
    )
    proposer = Proposer(preset, trunks, tmp_path)
    found = proposer.on(photos[0].path, photos[0].pairs, 7)
    assert set(found.row.tolist()) >= {7, 8}  # the square and the ground
    assert (found.near == 7).all()
    assert found.pooled.shape == (2, len(found.row), sum(CHANNELS))
    assert not np.array_equal(*found.pooled)
    assert found.places.shape == (len(found.row), PLACES)
    again = Proposer(preset, trunks, tmp_path)
    again._look = None  # type: ignore[assignment, method-assign]  # nothing is looked at twice
    np.testing.assert_array_equal(again.on(photos[0].path, photos[0].pairs, 7).pooled, found.pooled)


def test_captions_and_photos_left_out_have_none(tmp_path: Path, squares_corpus: Path) -> None:
    photos = read_corpus(squares_corpus)
    wall = next(p for p in photos if p.source == "walls")
    square = next(p for p in photos if p.source == "squares")
    preset, trunks = (
        load_preset("colours"),
        [EfficientNetTrunk.shared(side=side) for side in (448, 96)],
    )
    assert not len(Proposer(preset, trunks, tmp_path).on(wall.path, wall.pairs, 0).row)
    none = Proposer(preset, trunks, tmp_path, share=0.0)
    assert not len(none.on(square.path, square.pairs, 0).row)
