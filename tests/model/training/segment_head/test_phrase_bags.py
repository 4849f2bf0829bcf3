import re
from pathlib import Path

import numpy as np
import pytest

from model.datasets.corpus import read_corpus
from model.datasets.skipped_rows import SkippedRows
from model.embedders.geometry import PLACES
from model.encoders.efficientnet import CHANNELS, EfficientNetTrunk
from model.errors import DataMissing
from model.presets.preset import load_preset
from model.training.loop.task import TaskContext
from model.training.segment_head.phrase_bags import BagDraws, PhraseBags, phrase_bags
from model.training.segment_head.segmenter_pairs import BEST, PhotoFeatures, Proposer
from model.training.segment_head.settings import PhraseSettings


def sight(number: int, masks: int) -> PhotoFeatures:
    """Each mask is told by its number, the photo's by what the global feature says."""
    pooled = np.arange(masks, dtype=np.float16)[None, :, None].repeat(2, axis=2)
    return PhotoFeatures(
        pooled, np.zeros((masks, PLACES), np.float32), np.full((1, 3), number, np.float16)
    )


BAGS = PhraseBags(
    (sight(0, 5), sight(1, 2), sight(2, 9)),
    (("brown dog", "grass"), ("dog",), ("cup of hot tea", "tall grass")),
)


def test_what_is_said_is_true_and_what_it_ends_with() -> None:
    assert BAGS.true() == [("brown dog", "dog", "grass"), ("dog",),
                           ("cup of hot tea", "tall grass", "grass")]  # fmt: skip
    portions = PhraseBags(BAGS.sights[:2], (("big cup of tea",), ("cup", "tea")))
    assert portions.true() == [("big cup of tea", "cup"), ("cup", "tea")]


def test_photos_of_which_nothing_else_is_said_are_left_out() -> None:
    left = BAGS.without(re.compile("dog"))
    assert left.phrases == (("grass",), ("cup of hot tea", "tall grass"))
    assert [int(of.whole[0, 0]) for of in left.sights] == [0, 2]


def test_draws_are_of_different_photos_and_of_what_is_said_of_them() -> None:
    draws = BagDraws(BAGS, photos=8, masks=4, balance=0.5)
    drawn = draws.draw(np.random.default_rng(0))
    assert sorted(drawn.photos.tolist()) == [0, 1, 2]
    assert drawn.pooled.shape == (12, 2)
    for place, photo in enumerate(drawn.photos.tolist()):
        of_photo = slice(4 * place, 4 * place + 4)
        assert (drawn.whole[of_photo] == photo).all()
        masks = drawn.pooled[of_photo, 0].tolist()
        assert len(set(masks)) == 4 or photo == 1  # which has two, so some come twice
        assert drawn.phrases[place] in BAGS.phrases[photo]
    again = draws.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(again.pooled, drawn.pooled)
    assert again.phrases == drawn.phrases


def test_rare_phrases_are_drawn_oftener() -> None:
    often = PhraseBags(tuple(sight(n, 1) for n in range(5)), (("dog", "cup"), *[("dog",)] * 4))
    random, draws = np.random.default_rng(0), BagDraws(often, 5, 1, balance=1.0)
    said = []
    for _ in range(300):
        drawn = draws.draw(random)
        said.append(drawn.phrases[drawn.photos.tolist().index(0)])
    assert said.count("cup") / 300 == pytest.approx(5 / 6, abs=0.06)


def test_captioned_photos_are_seen_once_and_kept(tmp_path: Path, squares_corpus: Path) -> None:
    pairs = [pair for photo in read_corpus(squares_corpus) for pair in photo.pairs]
    captioned = {pair.photo for pair in pairs if pair.kind == "photo"}
    proposer = Proposer(load_preset("colours"), [EfficientNetTrunk.shared()], tmp_path)
    context = TaskContext(squares_corpus, tmp_path, 1, 0, lambda line: None)
    bags = phrase_bags(pairs, (), proposer, context, SkippedRows())
    assert 0 < len(bags) <= len(captioned)
    first = bags.sights[0]
    assert 0 < len(first.places) <= BEST
    assert first.pooled.shape == (1, len(first.places), sum(CHANNELS))
    assert first.whole.shape == (1, CHANNELS[-1])
    again = Proposer(load_preset("colours"), [EfficientNetTrunk.shared()], tmp_path)
    again._best = None  # type: ignore[assignment, method-assign]  # nothing is looked at twice
    kept = phrase_bags(pairs, (), again, context, SkippedRows())
    np.testing.assert_array_equal(kept.sights[0].pooled, first.pooled)
    with pytest.raises(DataMissing, match="no photo has captions"):
        phrase_bags(pairs, ("elsewhere",), again, context, SkippedRows())


def test_settings_that_make_no_sense_are_errors() -> None:
    for wrong in ({"photos": 0}, {"masks": 0}, {"sharpness": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            PhraseSettings(**wrong)  # type: ignore[arg-type]
