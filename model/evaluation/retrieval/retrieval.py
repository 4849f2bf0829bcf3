"""Measure of how well words find what is in photos: segments, colours of segments, and photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import Truth
from model.evaluation.comparison import (
    CROPS,
    IMAGENET,
    MAP,
    P10,
    R1,
    R10,
    WHOLE,
    Answers,
    Measure,
    compared,
    comparison_table,
)
from model.evaluation.masks.mask_recall import SIZES
from model.evaluation.ranking import Bools, Ranking, best_of_groups
from model.evaluation.retrieval.attribute_tables import coloured, placed
from model.evaluation.retrieval.judging import (
    NOTHING,
    firsts,
    judged_photos,
    judgement,
    phrases_of,
    relevance,
)
from model.evaluation.retrieval.observations import Observations, Proposals
from model.evaluation.retrieval.proposed import ProposedMasks
from model.evaluation.tables import Row, Table
from model.language.sentence import phrases_of as things_named
from model.language.sentence import sentence_scores

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Propose = Callable[[Proposals, Sequence[str], NDArray[np.float32]], ProposedMasks]
"""(masks of the preset, Q phrases, their Q×D vectors) → what is proposed for them."""
MEASURES = (MAP, P10, R1, R10)
NAMED = "photos and what sentences name"
PROPOSED = "with proposals"
KINDS = ("object", "part", "stuff")
CHUNK = 128  # queries whose scores of all masks are held at once


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


def measure_retrieval(
    truth: Truth,
    observations: Observations,
    preset: str,
    encode: Encode,
    unseen: Sequence[str] = (),
    propose: Propose | None = None,
) -> tuple[Table, ...]:
    """All that can be told of one look at the photos.

    Args:
        truth: the photos.
        observations: vectors and truths of the photos; the first proposals are the preset's own.
        preset: its name, for the columns.
        encode: T texts to T×D unit vectors.
        unseen: phrases that were held out of training.
        propose: maker of proposals beside the preset's own masks; None: none are made.
    """
    tables = []
    if observations.phrases:
        tables = [
            true_masks(truth, observations, preset, encode, unseen),
            own_masks(truth, observations, preset, encode, unseen, propose),
            phrase_to_photo(truth, observations, preset, encode),
            coloured(observations, preset, encode),
            placed(observations, preset, encode),
        ]
    tables.append(text_to_photo(truth, observations, preset, encode))
    return tuple(table for table in tables if table.rows)


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
        proposals = everywhere.of_photos(np.unique(observations.photo))
        judged[name] = _judged(truth, observations, proposals, queries)
        if propose is not None and name == preset:
            proposed = propose(proposals, texts, queries)
            judged[PROPOSED] = judged[name].with_proposed(proposed)
    strict, fitting, lenient = {}, {}, {}
    for name, each in judged.items():
        matched = each.region != NOTHING
        # the same thing found again is one answer to whoever searches: no error, no hit
        first = np.stack([firsts(*own) for own in zip(each.region, each.scores, strict=True)])
        left_out = (matched & ~first) | each.within
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
    columns = tuple(_column(name, preset) for name in judged)
    return comparison_table(
        "phrase → segment, own masks, right at IoU ≥ 0.5", "phrases", columns, rows
    )


def phrase_to_photo(truth: Truth, observations: Observations, preset: str, encode: Encode) -> Table:
    """Phrase → photo with such a region, by the best of the photo's own masks."""
    texts, _ = phrases_of(observations)
    members = np.unique(observations.photo)
    queries = encode(texts)
    relevant = relevance(
        texts, [[t for r in truth.photos[n].named for t in r.phrases] for n in members]
    )
    judged = np.stack([judged_photos(truth, text)[members] for text in texts])
    scores = {
        _column(name, preset): _photo_scores(queries, proposals, len(truth.photos))[:, members]
        for name, proposals in observations.proposals.items()
    }
    scores[WHOLE] = queries @ observations.whole[members].T
    everywhere = {name: Answers(Ranking(table), relevant) for name, table in scores.items()}
    where_judged = {
        name: Answers(Ranking(table, judged), relevant) for name, table in scores.items()
    }
    common = relevant.sum(axis=1) >= 10
    rows = [compared("", measure, everywhere) for measure in MEASURES]
    rows.append(compared("phrases in at least 10 photos", P10, everywhere, common))
    rows += [
        compared("among photos that can be judged", measure, where_judged) for measure in (MAP, P10)
    ]
    return comparison_table(
        f"phrase → photo, {len(members)} photos with named regions", "phrases", tuple(scores), rows
    )


def text_to_photo(truth: Truth, observations: Observations, preset: str, encode: Encode) -> Table:
    """Caption or class name → its photo among all photos; sources without regions."""
    named = {photo.source for photo in truth.photos if photo.regions}
    pairs = [
        (number, text)
        for number, photo in enumerate(truth.photos)
        if photo.source not in named
        for text in photo.captions
    ]
    title = f"text → its photo among {len(truth.photos)}, by the photo or its best mask"
    if not pairs:
        return comparison_table(title, "texts", (), ())
    texts = [text for _, text in pairs]
    queries = encode(texts)
    own = np.zeros((len(pairs), len(truth.photos)), np.bool_)
    own[np.arange(len(pairs)), [number for number, _ in pairs]] = True
    # other photos with the very same text are right too, and in nobody's way
    distinct = sorted(set(texts))
    bearing = relevance(distinct, [photo.captions for photo in truth.photos])
    others = bearing[[distinct.index(text) for text in texts]] & ~own
    whole = queries @ observations.whole.T
    scores: dict[str, NDArray[np.float32]] = {}
    for name, proposals in observations.proposals.items():
        best = np.maximum(_photo_scores(queries, proposals, len(truth.photos)), whole)
        scores[_column(name, preset)] = best
        if name == preset:
            scores[NAMED] = _with_phrases(texts, whole, best, observations, proposals, encode)
    scores[WHOLE] = whole
    if observations.imagenet is not None:
        scores[IMAGENET] = queries @ observations.imagenet.T
    methods = {name: Answers(Ranking(table), own, others) for name, table in scores.items()}
    sources = np.array([truth.photos[number].source for number, _ in pairs])
    rows = [
        compared(source, measure, methods, sources == source)
        for source in truth.sources
        if source not in named
        for measure in (R1, R10)
    ]
    return comparison_table(title, "texts", tuple(scores), rows)


def _with_phrases(
    texts: Sequence[str],
    whole: NDArray[np.float32],
    best: NDArray[np.float32],
    observations: Observations,
    proposals: Proposals,
    encode: Encode,
) -> NDArray[np.float32]:
    """T×n scores as a search has them: sentences ask for all that they name, too."""
    named = [things_named(text) for text in texts]
    phrases = sorted({phrase for some in named for phrase in some})
    scores = best.copy()
    if not phrases:
        return scores
    encoded = encode(phrases)
    found = _photo_scores(encoded, proposals, whole.shape[1])
    found = np.maximum(found, encoded @ observations.whole.T)  # an index holds wholes, too
    row = {phrase: number for number, phrase in enumerate(phrases)}
    for number, some in enumerate(named):
        if some:
            rows = [row[phrase] for phrase in some]
            scores[number] = sentence_scores(whole[number], found[rows])
    return scores


def _photo_scores(
    queries: NDArray[np.float32], proposals: Proposals, photos: int
) -> NDArray[np.float32]:
    parts = [
        best_of_groups(
            queries[start : start + CHUNK] @ proposals.vectors.T, proposals.photo, photos
        )
        for start in range(0, len(queries), CHUNK)
    ]
    return np.concatenate(parts)


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


def _judged(
    truth: Truth,
    observations: Observations,
    proposals: Proposals,
    queries: NDArray[np.float32],
) -> Judged:
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


def _column(name: str, preset: str) -> str:
    return name if name in (preset, PROPOSED) else f"{name} masks"
