"""Tables of segments: how well words find the true ones, and a segmenter's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import Truth
from model.evaluation.comparison import (
    CROPS,
    MAP,
    MEASURES,
    WHOLE,
    Answers,
    Measure,
    compared,
    comparison_table,
)
from model.evaluation.masks.mask_recall import SIZES
from model.evaluation.ranking import Bools, Ranking
from model.evaluation.retrieval.attribute_tables import Encode
from model.evaluation.retrieval.judging import NOTHING, firsts, judgement, phrases_of
from model.evaluation.retrieval.observations import Observations, Proposals
from model.evaluation.retrieval.proposed import ProposedMasks
from model.evaluation.tables import Row, Table

Propose = Callable[[Proposals, Sequence[str], NDArray[np.float32]], ProposedMasks]
"""(masks of the preset, Q phrases, their Q×D vectors) → what is proposed for them."""
PROPOSED = "with proposals"
KINDS = ("object", "part", "stuff")


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the M regions, and what is done with the others.

    Attributes:
        name: name that the row shows.
        inside: M bool.
        alone: whether the others are no candidates at all, or only those that would be right.
    """

    name: str
    inside: Bools
    alone: bool = False


def true_masks(
    truth: Truth, observations: Observations, preset: str, encode: Encode, unseen: Sequence[str]
) -> Table:
    """Phrase → segment, over all true regions of all photos pooled."""
    texts, relevant = phrases_of(observations)
    queries = encode(texts)
    rankings: dict[str, Ranking | None] = {
        preset: Ranking(queries @ observations.regions.T),
        CROPS: None if observations.crops is None else Ranking(queries @ observations.crops.T),
        WHOLE: Ranking(queries @ observations.whole[observations.photo].T),
    }

    def row(group: Group, measure: Measure, asked: Bools | None = None) -> Row | None:
        right = relevant & group.inside
        ignored = np.broadcast_to(~group.inside, relevant.shape) if group.alone else None
        if ignored is None and not group.inside.all():
            ignored = relevant & ~group.inside
        methods = {
            name: None if ranking is None else Answers(ranking, right, ignored)
            for name, ranking in rankings.items()
        }
        return compared(group.name, measure, methods, asked)

    everything = Group("", np.ones(len(observations.photo), np.bool_))
    rows = [row(everything, measure) for measure in MEASURES]
    rows += [row(group, MAP) for group in _groups(observations)]
    rows += _seen_and_unseen(texts, unseen, lambda name, asked: row(
        Group(name, everything.inside), MAP, asked
    ))  # fmt: skip
    sources = np.array([photo.source for photo in truth.photos])[observations.photo]
    rows += [row(Group(f"within {s}", sources == s, alone=True), MAP) for s in truth.sources]
    return comparison_table("phrase → segment, true masks given", "phrases", tuple(rankings), rows)


@dataclass(frozen=True, eq=False)
class Judged:
    """Q phrases and P masks: what a search shows, and what of it is right.

    Attributes:
        scores: Q×P.
        answers: Q×P bool, masks that are shown, in photos that are judged for the phrase.
        region: Q×P int64, the region of that name that the mask matches, or `NOTHING`.
        within: Q×P bool, masks that match nothing, but lie inside of stuff of that name.
        touching: Q×P bool, masks that overlap a region of that name noticeably.
    """

    scores: NDArray[np.float32]
    answers: Bools
    region: NDArray[np.int64]
    within: Bools
    touching: Bools

    def with_proposed(self, proposed: ProposedMasks) -> Judged:
        """The same with proposals among the masks, some in the place of others."""
        return Judged(
            np.hstack([self.scores, proposed.scores]),
            np.hstack([self.answers & proposed.shown, proposed.answers]),
            np.hstack([self.region, proposed.region]),
            np.hstack([self.within, proposed.within]),
            np.hstack([self.touching, proposed.touching]),
        )


def own_masks(
    truth: Truth,
    observations: Observations,
    preset: str,
    encode: Encode,
    unseen: Sequence[str],
    propose: Propose | None = None,
) -> Table:
    """Phrase → segment among segmenters' own masks, right at IoU ≥ 0.5."""
    texts, relevant = phrases_of(observations)
    queries = encode(texts)
    judged: dict[str, Judged] = {}
    for name, everywhere in observations.proposals.items():
        judged[name] = judged_masks(truth, observations, name, queries)
        if propose is not None and name == preset:
            proposals = everywhere.of_photos(np.unique(observations.photo))
            proposed = propose(proposals, texts, queries)
            judged[PROPOSED] = judged[name].with_proposed(proposed)
    strict, fitting, lenient = {}, {}, {}
    for name, each in judged.items():
        matched, left_out = strict_answers(each)
        ranking = Ranking(each.scores, each.answers)
        strict[name] = (ranking, each.region, left_out)
        clear = left_out | (each.touching & ~matched)
        right = matched | each.within
        fitting[name] = Answers(ranking, matched, clear, relevant.sum(axis=1))
        lenient[name] = Answers(ranking, right, each.touching & ~right)

    def row(group: Group, measure: Measure, asked: Bools | None = None) -> Row | None:
        outside = np.append(~group.inside, False)  # NOTHING is inside
        total = (relevant & group.inside).sum(axis=1)
        methods = {
            name: Answers(ranking, (region != NOTHING), left_out | outside[region], total)
            for name, (ranking, region, left_out) in strict.items()
        }
        return compared(group.name, measure, methods, asked)

    everything = Group("", np.ones(len(observations.photo), np.bool_))
    rows = [row(everything, measure) for measure in MEASURES]
    rows.append(compared("badly fitting masks left out", MAP, fitting))
    rows.append(compared("the same, of what masks were found for", MAP, lenient))
    rows += [row(group, MAP) for group in _groups(observations)]
    rows += _seen_and_unseen(texts, unseen, lambda name, asked: row(
        Group(name, everything.inside), MAP, asked
    ))  # fmt: skip
    columns = tuple(masks_of(name, preset) for name in judged)
    return comparison_table(
        "phrase → segment, own masks, right at IoU ≥ 0.5", "phrases", columns, rows
    )


def _groups(observations: Observations) -> list[Group]:
    """The regions of each kind and each size; the smallest are in no size."""
    kinds = [Group(f"kind {kind}", observations.kind == kind) for kind in KINDS]
    sizes = [
        Group(name, (observations.area >= least) & (observations.area < below))
        for name, (least, below) in SIZES.items()
    ]
    return [group for group in (*kinds, *sizes) if group.inside.any()]


def _seen_and_unseen(
    texts: Sequence[str], unseen: Sequence[str], row: Callable[[str, Bools], Row | None]
) -> list[Row | None]:
    if not unseen:
        return []
    held_out = np.isin(texts, list(unseen))
    return [row("seen phrases", ~held_out), row("phrases held out", held_out)]


def strict_answers(judged: Judged) -> tuple[Bools, Bools]:
    """Q×P bool twice: which masks are right at IoU ≥ 0.5, and which count neither way."""
    matched = judged.region != NOTHING
    # the same thing found again is one answer to whoever searches: no error, no hit
    first = np.stack([firsts(*own) for own in zip(judged.region, judged.scores, strict=True)])
    return matched, (matched & ~first) | judged.within


def judged_masks(
    truth: Truth, observations: Observations, name: str, queries: NDArray[np.float32]
) -> Judged:
    """What a search for all phrases shows among the masks of one segmenter, and what is right.

    Args:
        truth: the photos.
        observations: their regions, and the masks of segmenters.
        name: name of the segmenter among them.
        queries: Q×D unit vectors of the phrases, in the order of `phrases_of`.
    """
    proposals = observations.proposals[name].of_photos(np.unique(observations.photo))
    texts, relevant = phrases_of(observations)
    scores = queries @ proposals.vectors.T
    shown = proposals.answering(scores)
    each = [
        judgement(truth, observations, proposals, text, relevant[number])
        for number, text in enumerate(texts)
    ]
    return Judged(
        scores,
        np.stack([of_text.judged for of_text in each]) & shown,
        np.stack([of_text.region for of_text in each]),
        np.stack([of_text.within for of_text in each]),
        np.stack([of_text.touching for of_text in each]),
    )


def masks_of(name: str, preset: str) -> str:
    """Column of a segmenter's masks."""
    return name if name in (preset, PROPOSED) else f"{name} masks"
