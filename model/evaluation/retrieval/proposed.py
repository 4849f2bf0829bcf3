"""Masks that are proposed for phrases, beside a segmenter's own.

As a search with proposals does it: on the photos whose own masks answer a phrase best masks are
proposed, scored by the same vector, and of two masks of one thing the better one answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import STUFF_KIND, TruePhoto, Truth, bare_segments
from model.embedder import Embedder
from model.evaluation.looking import Looking
from model.evaluation.ranking import Bools
from model.evaluation.retrieval.judging import MATCH, NOTHING, PART_OF_STUFF, judged_photos
from model.evaluation.retrieval.observations import Proposals, overlaps_with
from model.masks import rle
from model.masks.grouping import NOTICED, NOTICED_INSIDE, suppress_duplicates
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.candidates import with_whole
from model.proposals.proposer import Proposer
from model.segmenter import Segmenter

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Guidance:
    """Models that propose.

    Attributes:
        segmenter, embedder: models of the index.
        proposer: proposer of masks.
    """

    segmenter: Segmenter
    embedder: Embedder
    proposer: Proposer


@dataclass(frozen=True, eq=False)
class ProposedMasks:
    """Masks proposed for Q phrases, at most E for each, beside a segmenter's P own.

    Attributes:
        scores: Q×E float32, of the phrase's vector and the mask's; -inf where there is none.
        answers: Q×E bool, proposals that are shown, in photos that are judged for the phrase.
        region: Q×E int64, the named region that each overlaps most, if by IoU ≥ 0.5; else -1.
        within: Q×E bool, masks that lie inside of stuff of that name.
        touching: Q×E bool, masks that overlap a region of that name noticeably.
        shown: Q×P bool, own masks in whose place no better mask stands.
    """

    scores: Vectors
    answers: Bools
    region: NDArray[np.int64]
    within: Bools
    touching: Bools
    shown: Bools


def proposed_masks(
    truth: Truth,
    own: Proposals,
    texts: Sequence[str],
    words: Sequence[str],
    queries: Vectors,
    guidance: Callable[[], Guidance],
    photos: int,
    most: int,
    looking: Looking,
) -> ProposedMasks:
    """What is proposed for phrases, and what of it is right.

    Args:
        truth: the photos.
        own: masks of the guidance's segmenter, of all photos.
        texts: Q phrases, as regions bear them.
        words: Q phrases as they are searched.
        queries: Q×D unit vectors of these.
        guidance: maker of the models that propose.
        photos: photos that are looked at for a phrase, those of the best masks.
        most: proposals a photo, at most.
        looking: way in which they are looked at.
    """
    scores = queries @ own.vectors.T
    asked = []
    for number, phrases in sorted(_best_photos(scores, own.photo, photos).items()):
        rows = np.flatnonzero(own.photo == number)
        asked_of = [
            _Phrase(each, texts[each], words[each], queries[each], scores[each, rows])
            for each in phrases
        ]
        asked.append(_Asked(number, truth.photos[number], rows, asked_of))
    first = np.cumsum([0, *(len(photo.named) for photo in truth.photos)])
    found = _Found(own.answering(scores), photos * most)
    for photo, proposals in looking.at(partial(_look, guidance, most), asked):
        for each in proposals:
            judged = bool(judged_photos(truth, texts[each.phrase])[photo.number])
            found.add(photo.rows, each, int(first[photo.number]), judged)
    return found.masks()


@dataclass(frozen=True, eq=False)
class _Phrase:
    """A phrase that is asked of a photo: its number, its text as regions bear it, its words as they
    are searched, their vector, and the scores of the photo's own masks."""

    number: int
    text: str
    words: str
    query: Vectors
    scores: Vectors


@dataclass(frozen=True, eq=False)
class _Asked:
    """A photo in which masks are proposed: its number, the rows of its own masks, and phrases."""

    number: int
    photo: TruePhoto
    rows: NDArray[np.int64]
    phrases: Sequence[_Phrase]

    @property
    def path(self) -> Path:
        return self.photo.path


@dataclass(frozen=True, eq=False)
class _Proposed:
    """Masks that are proposed in a photo for a phrase.

    Attributes:
        phrase: number of the phrase.
        scores: scores of the N proposals.
        shown: whether each of the photo's own masks, then each proposal, is shown.
        overlaps: overlaps of the proposals with the phrase's regions.
    """

    phrase: int
    scores: Vectors
    shown: Bools
    overlaps: _Overlaps


def _look(make: Callable[[], Guidance], most: int) -> Callable[[_Asked], list[_Proposed]]:
    guidance = make()

    def look(asked: _Asked) -> list[_Proposed]:
        true, image = asked.photo, asked.photo.read()
        kept = guidance.segmenter.segment(image)
        named = bare_segments(true.size, [region.counts for region in true.named])
        stuff = np.array([region.kind == STUFF_KIND for region in true.named], np.bool_)
        proposals = []
        for phrase in asked.phrases:
            masks, vectors = _proposed(image, phrase.words, kept, guidance, most)
            if not len(masks):
                continue
            bears = np.array([phrase.text in region.phrases for region in true.named], np.bool_)
            scores = vectors @ phrase.query
            shown = _shown(kept, masks, np.concatenate([phrase.scores, scores]))
            overlaps = _Overlaps(masks, named, bears, stuff)
            proposals.append(_Proposed(phrase.number, scores, shown, overlaps))
        return proposals

    return look


def _shown(kept: Segments, masks: Segments, scores: Vectors) -> Bools:
    """Whether each of the index's masks, then each proposal, is shown: no better one of the same
    thing is."""
    counts = (*kept.counts, *masks.counts)
    areas = np.concatenate([kept.areas, masks.areas])
    shown: Bools = suppress_duplicates(scores[None], rle.iou(counts, counts, kept.size), areas)[0]
    return shown


def _best_photos(scores: Vectors, photo: NDArray[np.int64], most: int) -> dict[int, list[int]]:
    """Phrases by photo, in each phrase's `most` photos of the best masks."""
    asked: dict[int, list[int]] = defaultdict(list)
    for phrase, own in enumerate(scores):
        in_order = photo[np.argsort(-own, kind="stable")]
        for one in list(dict.fromkeys(in_order.tolist()))[:most]:
            asked[one].append(phrase)
    return asked


def _proposed(
    image: Image, words: str, kept: Segments, guidance: Guidance, most: int
) -> tuple[Segments, Vectors]:
    masks = guidance.proposer.propose(image, words, kept, most)
    return masks, guidance.embedder.embed_among(image, masks, with_whole(kept)).vectors


class _Overlaps:
    """What each of N masks is to a phrase's regions in their photo; `region` is the region's number
    among the photo's."""

    def __init__(self, masks: Segments, named: Segments, bears: Bools, stuff: Bools) -> None:
        count = len(masks)
        self.region = np.full(count, NOTHING, np.int64)
        self.within: Bools = np.zeros(count, np.bool_)
        self.touching: Bools = np.zeros(count, np.bool_)
        if not bears.any():
            return
        iou, inside = overlaps_with(masks, named)
        iou, inside = np.where(bears, iou, 0), np.where(bears, inside, 0)
        self.region = np.where(iou.max(axis=1) >= MATCH, iou.argmax(axis=1), NOTHING)
        in_stuff = ((inside >= PART_OF_STUFF) & stuff).any(axis=1)
        self.within = np.asarray(in_stuff & (self.region == NOTHING))
        self.touching = np.asarray(((iou >= NOTICED) | (inside >= NOTICED_INSIDE)).any(axis=1))


class _Found:
    """Gathers what is proposed, phrase by phrase.

    Args:
        shown: Q×P bool, own masks that are shown where nothing is proposed; changed in place.
        most: proposals of a phrase, at most.
    """

    def __init__(self, shown: Bools, most: int) -> None:
        shape = (len(shown), most)
        self._scores = np.full(shape, -np.inf, np.float32)
        self._region = np.full(shape, NOTHING, np.int64)
        self._answers, self._within, self._touching = (np.zeros(shape, np.bool_) for _ in range(3))
        self._shown, self._filled = shown, np.zeros(len(shown), np.int64)

    def add(self, rows: NDArray[np.int64], proposed: _Proposed, first: int, judged: bool) -> None:
        """One photo's proposals for a phrase.

        Args:
            rows: rows of the photo's own masks.
            proposed: the proposals.
            first: number of the photo's first region among all.
            judged: whether the photo is judged for the phrase.
        """
        phrase, overlaps = proposed.phrase, proposed.overlaps
        self._shown[phrase, rows] = proposed.shown[: len(rows)]
        start = self._filled[phrase]
        place = slice(start, start + len(proposed.scores))
        self._scores[phrase, place] = proposed.scores
        self._answers[phrase, place] = proposed.shown[len(rows) :] & judged
        found = overlaps.region
        self._region[phrase, place] = np.where(found == NOTHING, NOTHING, first + found)
        self._within[phrase, place] = overlaps.within
        self._touching[phrase, place] = overlaps.touching
        self._filled[phrase] = place.stop

    def masks(self) -> ProposedMasks:
        """All of it."""
        return ProposedMasks(
            self._scores, self._answers, self._region, self._within, self._touching, self._shown
        )
