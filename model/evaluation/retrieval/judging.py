"""Which of a segmenter's masks can be judged against which phrase, and what is right.

What is not annotated is not absent. A photo is judged for a phrase only when its source would
have named it: one of the source's photos has the phrase, and, for stuff, this photo has stuff
named. Sources that name only what a photo was chosen for are judged where they name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.corpus import partly_annotated
from model.datasets.ground_truth import STUFF_KIND, Truth
from model.evaluation.retrieval.observations import Observations, Proposals

MATCH = 0.5  # a proposal shows the region that it overlaps by this IoU or more
PART_OF_STUFF = 0.8  # the share of a proposal inside of stuff from which it is part of it
NOTHING = -1


@dataclass(frozen=True, eq=False)
class Judgement:
    """One phrase, and all proposals (P) of all photos.

    Attributes:
        judged: P bool, whether the proposal's photo is judged for the phrase.
        region: P int64, the region of that name that the proposal overlaps most, if by `MATCH`
            or more; else `NOTHING`.
        within: P bool, whether it shows nothing whole, but lies inside of stuff of that name.
        touching: P bool, whether it overlaps a region of that name noticeably.
    """

    judged: NDArray[np.bool_]
    region: NDArray[np.int64]
    within: NDArray[np.bool_]
    touching: NDArray[np.bool_]


def judged_photos(truth: Truth, phrase: str) -> NDArray[np.bool_]:
    """n bool: the photos in which somebody would have named the phrase."""
    return np.array([_is_judged(truth, number, phrase) for number in range(len(truth.photos))])


def judgement(
    truth: Truth,
    observations: Observations,
    proposals: Proposals,
    phrase: str,
    named: NDArray[np.bool_],
) -> Judgement:
    """What every proposal is to a phrase.

    Args:
        truth: the photos.
        observations: their regions.
        proposals: candidate masks of one segmenter.
        phrase: the words.
        named: M bool, which regions have that name.
    """
    count = len(proposals.photo)
    chosen = named[proposals.link_region]
    row, region = proposals.link_row[chosen], proposals.link_region[chosen]
    iou, inside = proposals.link_iou[chosen], proposals.link_inside[chosen]
    match = np.full(count, NOTHING, np.int64)
    order = np.argsort(iou, kind="stable")  # the greatest overlap is written last
    order = order[iou[order] >= MATCH]
    match[row[order]] = region[order]
    within = np.zeros(count, np.bool_)
    within[row[(observations.kind[region] == STUFF_KIND) & (inside >= PART_OF_STUFF)]] = True
    touching = np.zeros(count, np.bool_)
    touching[row] = True
    judged = judged_photos(truth, phrase)[proposals.photo]
    return Judgement(judged, match, within & (match == NOTHING), touching)


def firsts(region: NDArray[np.int64], scores: NDArray[np.floating]) -> NDArray[np.bool_]:
    """P bool: of all proposals that match one region the one with the highest score."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    matched = order[region[order] != NOTHING]
    first = np.zeros(len(scores), np.bool_)
    first[matched[np.unique(region[matched], return_index=True)[1]]] = True
    return first


def phrases_of(observations: Observations) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """The T phrases of all regions, sorted, and T×M bool: which region has which."""
    texts = tuple(sorted({text for phrases in observations.phrases for text in phrases}))
    return texts, relevance(texts, observations.phrases)


def relevance(texts: Sequence[str], named: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """T×M bool: which of M things has which of T texts."""
    place = {text: number for number, text in enumerate(texts)}
    relevant = np.zeros((len(texts), len(named)), np.bool_)
    for column, own in enumerate(named):
        for text in own:
            if text in place:
                relevant[place[text], column] = True
    return relevant


def _is_judged(truth: Truth, number: int, phrase: str) -> bool:
    photo = truth.photos[number]
    if any(phrase in region.phrases for region in photo.named):
        return True
    if partly_annotated(photo.source) or phrase not in truth.vocabulary.get(photo.source, ()):
        return False
    return phrase not in truth.stuff or any(r.kind == STUFF_KIND for r in photo.named)
