"""Masks that are proposed for phrases, beside a segmenter's own.

As a search with proposals does it: on the photos whose own masks answer a phrase best masks are
proposed, scored by the same vector, and of two masks of one thing the better one answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import STUFF_KIND, Truth, bare_segments
from model.embedder import Embedder
from model.evaluation.masks.mask_recall import Progress
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
    """Models that propose, and how far they look.

    Attributes:
        segmenter, embedder: models of the index.
        proposer: proposer of masks.
        photos: photos that are looked at for a phrase, those of the best masks.
        most: proposals a photo.
    """

    segmenter: Segmenter
    embedder: Embedder
    proposer: Proposer
    photos: int
    most: int


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
    guidance: Guidance,
    progress: Progress,
) -> ProposedMasks:
    """What is proposed for phrases, and what of it is right.

    Args:
        truth: the photos.
        own: masks of `guidance.segmenter`, of all photos.
        texts: Q phrases, as regions bear them.
        words: Q phrases as they are searched.
        queries: Q×D unit vectors of these.
        guidance: models that propose.
        progress: told how many photos are done, and of how many.
    """
    scores = queries @ own.vectors.T
    found = _Found(len(texts), guidance, own.answering(scores))
    asked = _best_photos(scores, own.photo, guidance.photos)
    first = np.cumsum([0, *(len(photo.named) for photo in truth.photos)])
    for number, (photo, phrases) in enumerate(sorted(asked.items())):
        progress(number, len(asked))
        true, image = truth.photos[photo], truth.photos[photo].read()
        kept = guidance.segmenter.segment(image)
        rows = np.flatnonzero(own.photo == photo)
        named = bare_segments(true.size, [region.counts for region in true.named])
        for phrase in phrases:
            masks, vectors = _proposed(image, words[phrase], kept, guidance)
            if not len(masks):
                continue
            bears = np.array([texts[phrase] in region.phrases for region in true.named], np.bool_)
            stuff = np.array([region.kind == STUFF_KIND for region in true.named], np.bool_)
            of_phrase = _Overlaps(masks, named, bears, stuff, int(first[photo]))
            judged = bool(judged_photos(truth, texts[phrase])[photo])
            together = np.concatenate([scores[phrase, rows], vectors @ queries[phrase]])
            found.add(phrase, rows, kept, masks, together, of_phrase, judged)
    progress(len(asked), len(asked))
    return found.masks()


def _best_photos(scores: Vectors, photo: NDArray[np.int64], most: int) -> dict[int, list[int]]:
    """Phrases by photo, in each phrase's `most` photos of the best masks."""
    asked: dict[int, list[int]] = defaultdict(list)
    for phrase, own in enumerate(scores):
        in_order = photo[np.argsort(-own, kind="stable")]
        for one in list(dict.fromkeys(in_order.tolist()))[:most]:
            asked[one].append(phrase)
    return asked


def _proposed(
    image: Image, words: str, kept: Segments, guidance: Guidance
) -> tuple[Segments, Vectors]:
    masks = guidance.proposer.propose(image, words, kept, guidance.most)
    return masks, guidance.embedder.embed_among(image, masks, with_whole(kept)).vectors


class _Overlaps:
    """What each of N masks is to a phrase's regions in their photo."""

    def __init__(
        self, masks: Segments, named: Segments, bears: Bools, stuff: Bools, first: int
    ) -> None:
        count = len(masks)
        self.region = np.full(count, NOTHING, np.int64)
        self.within: Bools = np.zeros(count, np.bool_)
        self.touching: Bools = np.zeros(count, np.bool_)
        if not bears.any():
            return
        iou, inside = overlaps_with(masks, named)
        iou, inside = np.where(bears, iou, 0), np.where(bears, inside, 0)
        best = iou.argmax(axis=1)
        self.region = np.where(iou.max(axis=1) >= MATCH, first + best, NOTHING)
        in_stuff = ((inside >= PART_OF_STUFF) & stuff).any(axis=1)
        self.within = np.asarray(in_stuff & (self.region == NOTHING))
        self.touching = np.asarray(((iou >= NOTICED) | (inside >= NOTICED_INSIDE)).any(axis=1))


class _Found:
    """Gathers what is proposed, phrase by phrase."""

    def __init__(self, phrases: int, guidance: Guidance, shown: Bools) -> None:
        shape = (phrases, guidance.photos * guidance.most)
        self._scores = np.full(shape, -np.inf, np.float32)
        self._region = np.full(shape, NOTHING, np.int64)
        self._answers, self._within, self._touching = (np.zeros(shape, np.bool_) for _ in range(3))
        self._shown, self._filled = shown, np.zeros(phrases, np.int64)

    def add(
        self,
        phrase: int,
        rows: NDArray[np.int64],
        kept: Segments,
        masks: Segments,
        scores: Vectors,
        overlaps: _Overlaps,
        judged: bool,
    ) -> None:
        """One photo's proposals for a phrase; `scores` are of its own masks and of these."""
        counts = (*kept.counts, *masks.counts)
        areas = np.concatenate([kept.areas, masks.areas])
        iou = rle.iou(counts, counts, kept.size)
        shown = suppress_duplicates(scores[None], iou, areas)[0]
        self._shown[phrase, rows] = shown[: len(rows)]
        start = self._filled[phrase]
        place = slice(start, start + len(masks))
        self._scores[phrase, place] = scores[len(rows) :]
        self._answers[phrase, place] = shown[len(rows) :] & judged
        self._region[phrase, place] = overlaps.region
        self._within[phrase, place] = overlaps.within
        self._touching[phrase, place] = overlaps.touching
        self._filled[phrase] = place.stop

    def masks(self) -> ProposedMasks:
        """All of it."""
        return ProposedMasks(
            self._scores, self._answers, self._region, self._within, self._touching, self._shown
        )
