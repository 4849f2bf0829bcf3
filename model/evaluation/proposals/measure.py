"""Measure of masks that are proposed for words: which of a phrase's regions have one that fits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration
from model.datasets.corpus import partly_annotated
from model.datasets.ground_truth import Region, TruePhoto, Truth, regions_of
from model.embedder import Embedder
from model.evaluation.intervals import mean_interval
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import SIZES, in_photo_frame
from model.evaluation.tables import Row, Table
from model.language.question import understand
from model.masks import rle
from model.masks.segments import Segments
from model.proposals.confidence import proposal_confidence
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter

QUALITY, WORDS = "ten by quality", "ten by words"
PROPOSED, INDEX, BOTH = "ten proposals", "index", "index and ten"
COLUMNS = (QUALITY, WORDS, PROPOSED, INDEX, BOTH)
FITS = 0.5  # IoU
CONFIDENT = 0.5
ABSENT = 3  # words a photo that it does not show


@dataclass(frozen=True, eq=False)
class PhraseFound:
    """Regions of one photo that have a phrase, and by which masks each is found.

    Attributes:
        photo: number of the photo.
        source: source of the photo.
        share: R float64, areas of the regions as shares of the photo.
        found: R×5 bool, columns as in `COLUMNS`.
    """

    photo: int
    source: str
    share: NDArray[np.float64]
    found: NDArray[np.bool_]


@dataclass(frozen=True)
class AbsentWord:
    """Confidence that one photo shows a word that it does not.

    Attributes:
        photo: number of the photo.
        recalled: confidence of the best segment of the index.
        proposed: confidence of the best proposal, 0 where none is made.
    """

    photo: int
    recalled: float
    proposed: float


@dataclass(frozen=True, eq=False)
class ProposalModels:
    """Models that are measured.

    Attributes:
        segmenter, embedder: models that make the index.
        proposer: proposer of masks.
        calibration: calibration of scores; None leaves the absent words out.
    """

    segmenter: Segmenter
    embedder: Embedder
    proposer: Proposer
    calibration: Calibration | None


def measure_proposals(
    truth: Truth, models: Callable[[], ProposalModels], looking: Looking
) -> tuple[Table, ...]:
    """What a search would find by ten proposals a photo, beside what the index holds.

    Args:
        truth: the photos; those without a named region are left out.
        models: maker of the models.
        looking: way in which the photos are looked at.
    """
    named = [photo for photo in truth.photos if _named(photo)]
    asked = [
        _Asked(number, photo, tuple(_absent_words(truth, photo, number)))
        for number, photo in enumerate(named)
    ]
    found = [each for _, each in looking.at(partial(_look, models), asked)]
    phrases = [phrase for each in found for phrase in each.phrases]
    absent = [word for each in found for word in each.absent]
    tables = [_recall_table(phrases, [each.seconds for each in found])]
    return (*tables, _absent_table(absent)) if absent else tuple(tables)


@dataclass(frozen=True)
class _Asked:
    """A photo, its number, and words for what it does not show."""

    number: int
    photo: TruePhoto
    absent: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.photo.path


@dataclass(frozen=True)
class _Found:
    """What is found in one photo, and the CPU seconds of all of its phrases."""

    phrases: list[PhraseFound]
    absent: list[AbsentWord]
    seconds: float


def _look(make: Callable[[], ProposalModels]) -> Callable[[_Asked], _Found]:
    models = make()

    def look(asked: _Asked) -> _Found:
        number, photo, proposer = asked.number, asked.photo, models.proposer
        regions = _named(photo)
        index = _Indexed(photo, regions, models.segmenter, models.embedder)
        named = sorted({phrase for region in regions for phrase in region.phrases})
        start = time.process_time()
        phrases = [_phrase(number, photo, regions, each, index, proposer) for each in named]
        seconds = time.process_time() - start
        if models.calibration is None:
            return _Found(phrases, [], seconds)
        told = models.calibration
        absent = [_absent(number, word, index, proposer, told) for word in asked.absent]
        return _Found(phrases, absent, seconds)

    return look


class _Indexed:
    """One photo as an index would hold it, and its named regions."""

    def __init__(
        self,
        photo: TruePhoto,
        regions: Sequence[Region],
        segmenter: Segmenter,
        embedder: Embedder,
    ) -> None:
        self.image, self.size, self.embedder = photo.read(), photo.size, embedder
        self.regions = [region.counts for region in regions]
        self.segments = segmenter.segment(self.image)
        self.vectors = embedder.embed_segments(self.image, self.segments).vectors
        self._fits: dict[bytes, NDArray[np.bool_]] = {}

    def question(self, phrase: str) -> tuple[str, NDArray[np.float32]]:
        """The phrase as it is searched, and its vector."""
        words = understand(phrase).words
        vector: NDArray[np.float32] = self.embedder.embed_texts([words]).vectors[0]
        return words, vector

    def fits(self, segments: Segments) -> NDArray[np.bool_]:
        """N×R: which masks fit which regions, at the photo's size; each mask is enlarged once."""
        new = [i for i, counts in enumerate(segments.counts) if counts not in self._fits]
        if new:
            some = segments[new]
            iou = rle.iou(in_photo_frame(some, self.size), self.regions, self.size)
            self._fits.update(zip(some.counts, iou >= FITS, strict=True))
        rows = [self._fits[counts] for counts in segments.counts]
        return np.array(rows, np.bool_).reshape(len(rows), len(self.regions))


def _phrase(
    number: int,
    photo: TruePhoto,
    regions: Sequence[Region],
    phrase: str,
    index: _Indexed,
    proposer: Proposer,
) -> PhraseFound:
    own = [place for place, region in enumerate(regions) if phrase in region.phrases]
    words, vector = index.question(phrase)
    kept, nothing = index.segments, Segments.empty(index.segments.size)
    fits = index.fits(kept)[:, own]
    by_quality = np.argsort(-kept.quality, kind="stable")[:MOST]
    by_words = np.argsort(-(index.vectors @ vector), kind="stable")[:MOST]
    alone = index.fits(proposer.propose(index.image, words, nothing))[:, own]
    beside = index.fits(proposer.propose(index.image, words, kept))[:, own]
    columns = (
        fits[by_quality].any(axis=0),
        fits[by_words].any(axis=0),
        alone.any(axis=0),
        fits.any(axis=0),
        fits.any(axis=0) | beside.any(axis=0),
    )
    areas = rle.areas([index.regions[place] for place in own], photo.size)
    share = areas / (photo.size[0] * photo.size[1])
    return PhraseFound(number, photo.source, share, np.stack(columns, axis=1))


def _absent(
    number: int, word: str, index: _Indexed, proposer: Proposer, calibration: Calibration
) -> AbsentWord:
    words, vector = index.question(word)
    found = proposer.propose(index.image, words, index.segments)
    among = index.segments.with_whole()
    vectors = index.embedder.embed_among(index.image, found, among).vectors
    recalled, proposed = (
        calibration.confidence(vector, each) if len(each) else np.zeros(0, np.float32)
        for each in (index.vectors, vectors)
    )
    best = float(recalled.max(initial=0))
    return AbsentWord(number, best, float(proposal_confidence(proposed, best).max(initial=0)))


def _absent_words(truth: Truth, photo: TruePhoto, number: int) -> list[str]:
    """Words of its source that a photo does not show, where the source names all that it knows."""
    if partly_annotated(photo.source):
        return []
    shown = {phrase for region in photo.named for phrase in region.phrases}
    words = sorted(truth.vocabulary[photo.source] - shown)
    chance = np.random.default_rng(number)
    return chance.choice(words, min(ABSENT, len(words)), replace=False).tolist() if words else []


def _named(photo: TruePhoto) -> list[Region]:
    return [region for region in regions_of(photo, 0) if region.phrases]


def _recall_table(phrases: Sequence[PhraseFound], seconds: Sequence[float]) -> Table:
    photo = np.concatenate([np.full(len(each.share), each.photo) for each in phrases])
    source = np.concatenate([np.full(len(each.share), each.source) for each in phrases])
    share = np.concatenate([each.share for each in phrases])
    found = np.concatenate([each.found for each in phrases])
    groups = {"all": np.ones(len(found), np.bool_)}
    groups |= {name: (share >= least) & (share < below) for name, (least, below) in SIZES.items()}
    groups |= {name: source == name for name in sorted(set(source.tolist()))}
    rows = []
    for name, inside in groups.items():
        if not inside.any():
            continue
        low, high = mean_interval(found[inside], photo[inside])
        means = found[inside].mean(axis=0)
        count = int(inside.sum())
        for what, figures in ((name, means), (f"{name}: 95 % from", low), ("… to", high)):
            rows.append(Row(what, count, tuple(figures.tolist())))
    taken = float(np.mean(seconds))
    rows.append(
        Row("CPU seconds, all phrases of a photo", len(seconds), (None, None, None, None, taken))
    )
    return Table(
        "a phrase's regions over 0.2 % of the photo that a mask fits by IoU ≥ 0.5",
        "regions",
        COLUMNS,
        tuple(rows),
    )


def _absent_table(absent: Sequence[AbsentWord]) -> Table:
    sure = np.array([[each.recalled, each.proposed] for each in absent]) >= CONFIDENT
    sure = np.column_stack([sure, sure[:, 1] & ~sure[:, 0]])
    photo = np.array([each.photo for each in absent])
    low, high = mean_interval(sure, photo)
    rows = (
        Row("photos with a confident answer", len(sure), tuple(sure.mean(axis=0).tolist())),
        Row("95 % from", len(sure), tuple(low.tolist())),
        Row("… to", len(sure), tuple(high.tolist())),
    )
    title = "words for what a photo does not show, though its source names it in others"
    return Table(title, "photos and words", ("index", "ten proposals", "proposals alone"), rows)
