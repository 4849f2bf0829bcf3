"""Proposals beside a segmenter's own masks: what they find, what they stand for, what is judged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.datasets.ground_truth import read_truth
from model.evaluation.looking import Looking
from model.evaluation.retrieval.judging import NOTHING, phrases_of
from model.evaluation.retrieval.observations import Proposals, observe
from model.evaluation.retrieval.proposed import Guidance, ProposedMasks, proposed_masks
from model.evaluation.retrieval.segment_tables import Judged, own_masks
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.proposals.candidates import CandidateProposer
from model.segmenter import Segmenter


class Forgetful(Segmenter):
    """A segmenter that keeps one mask of those that it draws."""

    def __init__(self, whole: Segmenter) -> None:
        self.whole = whole

    def segment(self, image: Image) -> Segments:
        return self.whole.segment(image)[:1]

    def candidates(self, image: Image, most: int) -> Segments:
        return self.whole.segment(image)[:most]


def test_what_was_dropped_is_proposed_and_found(squares_corpus: Path) -> None:
    truth = read_truth(squares_corpus, "val", most=4)
    models = load_preset("colours").build()
    segmenter = Forgetful(models.segmenter)
    _, seen = observe(truth, lambda: (models.embedder, {"colours": segmenter}), Looking())
    found: list[ProposedMasks] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return models.embedder.embed_texts(list(texts)).vectors

    def propose(
        own: Proposals, texts: Sequence[str], queries: NDArray[np.float32]
    ) -> ProposedMasks:
        proposer = CandidateProposer(segmenter, models.embedder)
        guidance = Guidance(segmenter, models.embedder, proposer)
        asked = truth, own, texts, texts, queries
        found.append(proposed_masks(*asked, lambda: guidance, 4, 3, Looking()))
        return found[0]

    table = own_masks(truth, seen, "colours", encode, [], propose)
    without, with_them = (table.figure("mAP", column) for column in table.columns[:2])
    assert without == pytest.approx(1 / 3)  # of three phrases one is the ground
    assert with_them is not None
    assert with_them > 1.5 * without
    texts, _ = phrases_of(seen)
    masks = found[0]
    assert masks.scores.shape == (len(texts), 4 * 3)
    made = np.isfinite(masks.scores)
    assert made.any()
    assert not masks.answers[~made].any()
    assert (masks.region[~made] == NOTHING).all()
    matched = masks.region != NOTHING
    named = [seen.phrases[region] for region in masks.region[matched]]
    asked = [texts[phrase] for phrase in np.nonzero(matched)[0]]
    assert all(phrase in phrases for phrase, phrases in zip(asked, named, strict=True))


def test_a_better_mask_takes_the_place_of_another() -> None:
    """One phrase: a mask that fits badly (0.8) and a wrong one (0.5); a proposal fits (0.9)."""
    own = Judged(
        np.array([[0.8, 0.5]], np.float32),
        np.ones((1, 2), np.bool_),
        np.full((1, 2), NOTHING),
        np.zeros((1, 2), np.bool_),
        np.array([[True, False]]),
    )
    nothing = np.zeros((1, 2), np.bool_)
    proposed = ProposedMasks(
        np.array([[0.9, -np.inf]], np.float32),
        np.array([[True, False]]),
        np.array([[7, NOTHING]]),
        nothing,
        nothing,
        np.array([[False, True]]),
    )
    both = own.with_proposed(proposed)
    assert both.scores.tolist() == [pytest.approx([0.8, 0.5, 0.9, -np.inf])]
    assert both.answers.tolist() == [[False, True, True, False]]
    assert both.region.tolist() == [[NOTHING, NOTHING, 7, NOTHING]]
