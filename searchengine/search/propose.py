"""Propose: masks that the index does not hold, on the photos that answer best.

Proposals are scored like segments of the index, by the same vector of the question, and grouped
with what recall found: of two masks of one thing the one that scores better is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import Origin, PhotoRow, SegmentRow
from model.embedder import Embedder
from model.errors import PhotoError
from model.masks import rle
from model.masks.grouping import nearly, same_object
from model.masks.segments import Segments
from model.proposals.confidence import proposal_confidence
from model.proposals.novelty import EQUAL
from model.proposals.proposer import Proposer
from searchengine.matches.match import DOUBT, Match
from searchengine.matches.proposal_account import LookedAt, ProposalAccount, Proposed
from searchengine.photos.recent_images import RecentImages
from searchengine.photos.segment_rows import as_segments
from searchengine.queries.query import Query

Vector = NDArray[np.float32]
Judge = Callable[[Vector, NDArray[np.float32]], Vector]
"""(D question, N×D segments) → N confidences."""


@dataclass(frozen=True, eq=False)
class Answered:
    """What recall answered, and by which models.

    Attributes:
        matches: matches, best first.
        query: the query as it was searched.
        question: D float32, the query as a vector.
        judge: rule for the confidence of matches; None where there is none.
    """

    matches: Sequence[Match]
    query: Query
    question: Vector
    judge: Judge | None


@dataclass(frozen=True)
class Limits:
    """Limits of how far is looked for proposals.

    Attributes:
        photos: photos that are looked at, those of the best matches.
        most: proposals a photo.
        images: photos as they were indexed.
    """

    photos: int
    most: int
    images: RecentImages


@dataclass(frozen=True, eq=False)
class Completed:
    """What answers once proposals were made.

    Attributes:
        items: matches with proposals among them, best first.
        notes: lines for people on every photo that was left out.
        account: account of the proposals.
        vectors: D float32 of each proposal, by its match's id.
    """

    items: tuple[Match, ...]
    notes: tuple[str, ...]
    account: ProposalAccount
    vectors: Mapping[int, Vector]


def doubting(judge: Judge) -> Judge:
    """The rule where nothing can be right: what was asked is not understood."""
    return lambda question, found: np.float32(DOUBT) * judge(question, found)


def with_proposals(
    answered: Answered,
    catalog: CatalogReader,
    proposer: Proposer,
    embedder: Embedder,
    limits: Limits,
) -> Completed:
    """The matches with proposals among them.

    Args:
        answered: answers of recall.
        catalog: catalog of the index.
        proposer, embedder: models of the index' preset.
        limits: limits of photos and proposals.
    """
    matches, notes = list(answered.matches), []
    looked_at: list[LookedAt] = []
    vectors = dict[int, Vector]()
    origin = Origin(answered.query.words, proposer.fingerprint)
    best = {match.photo.id: match.photo for match in matches}
    for photo in list(best.values())[: limits.photos]:
        try:
            found, seen = _proposed(answered, photo, catalog, proposer, embedder, limits, origin)
        except PhotoError as error:
            notes.append(f"nothing is proposed in {photo.path}: {error.what}")
            continue
        told = []
        for proposal, vector in zip(found, seen, strict=True):
            numbered = replace(proposal, segment=_numbered(matches, proposal.segment))
            vectors[numbered.segment_id] = vector
            told.append(_grouped(matches, numbered))
        looked_at.append(LookedAt(photo, tuple(told)))
    items = _ranked(matches, answered)
    account = ProposalAccount(
        origin.prompt, proposer.name, origin.proposer, _shown(looked_at, items)
    )
    return Completed(items, tuple(notes), account, vectors)


def _ranked(matches: list[Match], answered: Answered) -> tuple[Match, ...]:
    """As many of the matches as the query asks for, also of each photo, best first."""
    query, of_photo = answered.query, Counter[int]()
    chosen = []
    for match in sorted(matches, key=lambda match: -(match.score or 0.0)):
        of_photo[match.photo.id] += 1
        if query.per_photo is None or of_photo[match.photo.id] <= query.per_photo:
            chosen.append(match)
    chosen = chosen[: max(query.k, len(answered.matches))]
    sure = [match.confidence for match in chosen]
    if all(confidence is not None for confidence in sure):
        sure = np.minimum.accumulate(np.array(sure, np.float32)).tolist()
    told = zip(chosen, sure, strict=True)
    return tuple(
        replace(match, rank=rank, confidence=confidence)
        for rank, (match, confidence) in enumerate(told, 1)
    )


def _shown(looked_at: Sequence[LookedAt], items: Sequence[Match]) -> tuple[LookedAt, ...]:
    """The photos, their proposals marked that are among the matches."""
    ids = {match.segment_id for match in items}
    return tuple(
        replace(
            each,
            proposals=tuple(
                replace(one, shown=True) if one.segment_id in ids else one for one in each.proposals
            ),
        )
        for each in looked_at
    )


def _proposed(
    answered: Answered,
    photo: PhotoRow,
    catalog: CatalogReader,
    proposer: Proposer,
    embedder: Embedder,
    limits: Limits,
    origin: Origin,
) -> tuple[list[Match], NDArray[np.float32]]:
    """Proposals in one photo that the query's conditions allow, as matches without a rank, best
    first, and their vectors.

    What was kept of the same words and proposer is not told to that: so it proposes the same again,
    of which only what was not kept is left.
    """
    held = catalog.segments_of(photo.id)
    rows = [row for row in held if row.origin != origin]
    image = limits.images.of(photo)
    frame = held[0].frame if held else image.size
    known = as_segments(rows, frame)
    found = proposer.propose(image, answered.query.words, known, limits.most)
    where, pixels = answered.query.where, frame[0] * frame[1]
    kept = [row.counts for row in held if row.origin == origin]
    wanted = found.areas >= where.min_area * pixels
    wanted &= found.areas <= where.max_area * pixels
    if kept and len(found):
        wanted &= rle.iou(found.counts, kept, frame).max(axis=1) < EQUAL
    found = found[np.flatnonzero(wanted)]
    if not len(found):
        return [], np.zeros((0, len(answered.question)), np.float32)
    vectors = embedder.embed_among(image, found, known).vectors
    scores = vectors @ answered.question
    sure: list[float | None] = [None] * len(found)
    if answered.judge is not None:
        own = answered.judge(answered.question, vectors)
        recalled = max(
            match.confidence or 0.0 for match in answered.matches if match.photo.id == photo.id
        )
        sure = proposal_confidence(own, recalled).tolist()
    order = np.argsort(-scores, kind="stable")
    return [
        Match(0, float(scores[i]), sure[i], photo, _row(found, i, photo), proposed=True)
        for i in order
    ], vectors[order]


def _grouped(matches: list[Match], proposal: Match) -> Proposed:
    """Put a proposal among the matches, or in the place of the one that shows the same thing
    worse; where that scores better, the proposal is left out. Returns what became of it."""
    told = Proposed(proposal.score or 0.0, proposal.confidence)
    near = [
        place
        for place, match in enumerate(matches)
        if match.photo.id == proposal.photo.id and match.segment.frame == proposal.segment.frame
    ]
    counts = [matches[place].segment.counts for place in near]
    if near:
        frame, segment = proposal.segment.frame, proposal.segment
        iou = rle.iou([segment.counts], counts, frame)[0]
        areas = np.array([matches[place].segment.area for place in near])
        scores = np.array([matches[place].score or 0.0 for place in near])
        own = proposal.score or 0.0
        same, nested = same_object(iou, areas, np.int64(segment.area))
        alike = nearly(np.minimum(scores, own), np.maximum(scores, own))
        for place in np.array(near)[same | (nested & alike)].tolist():
            match = matches[place]
            if own <= (match.score or 0.0):
                return replace(told, behind=match.segment_id)
            stood_for = (match.segment_id, *match.merged)
            merged = tuple(i for i in stood_for if i > 0)
            matches[place] = replace(proposal, merged=merged, duplicates=match.duplicates)
            return replace(told, segment_id=proposal.segment_id, in_place_of=match.segment_id)
    matches.append(proposal)
    return replace(told, segment_id=proposal.segment_id)


def _numbered(matches: Sequence[Match], segment: SegmentRow) -> SegmentRow:
    """The segment with a negative id that no match has."""
    return replace(segment, id=min([0, *(match.segment_id for match in matches)]) - 1)


def _row(found: Segments, number: int, photo: PhotoRow) -> SegmentRow:
    x0, y0, x1, y1 = found.boxes[number].tolist()
    return SegmentRow(
        -1,
        photo.id,
        -1,
        found.size,
        found.counts[number],
        (x0, y0, x1, y1),
        int(found.areas[number]),
        float(found.quality[number]),
        None,
        photo.perceptual_hash,
    )
