"""Making the calibration: its background, and the fit of its logistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.calibration import FEATURES, Calibration
from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import PHOTO_KIND
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.questions import (
    Question,
    absent_questions,
    named_questions,
    without_answers,
    word_list,
)

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
THERE = 0.7  # of searches are for what is there: the weight of questions with answers
ASKED = 30  # of every question's answers, the first that are judged
NOT_NEGATIVE = [FEATURES.index(name) for name in ("prominence", "rivalry", "score")]


@dataclass(frozen=True, eq=False)
class JudgedAnswers:
    """The first answers to some questions, best first in each.

    Attributes:
        evidence: R×4, as in `Calibration.evidence`.
        shows: R bool, whether the answer is right.
        question: R int64, which question it answers.
    """

    evidence: NDArray[np.float64]
    shows: NDArray[np.bool_]
    question: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ModelView:
    """View that some models have of photos.

    Attributes:
        proposals: masks on the photos.
        encode: the models' texts to unit vectors.
        untaught: phrases that these models were never taught, which they are asked for alone;
            none: all phrases are asked for.
    """

    proposals: CandidateMasks
    encode: Encode
    untaught: tuple[str, ...] = ()


def fit_calibration(
    photos: Sequence[AnnotatedPhoto], sight: ModelView, others: Sequence[ModelView] = ()
) -> Calibration:
    """A calibration with a background from the train photos, fitted to the held-out ones.

    Args:
        photos: annotated photos of the corpus.
        sight: masks and encoder of the models that are calibrated.
        others: the same of models that some phrases were kept from: people ask for what nobody
            taught, and scores are lower then. Each is judged by a background of its own, and
            counts as much as the first.
    """
    calibration = background(photos, sight)
    present, absent = [], []
    for own in (sight, *others):
        judge_by = calibration if own is sight else background(photos, own)
        judged = judged_answers(judge_by, photos, own)
        present.append(judged[0])
        absent += judged[1:]
    return fitted(calibration, present, absent)


def background(
    photos: Sequence[AnnotatedPhoto], sight: ModelView, segments: int = 2048
) -> Calibration:
    """Background that scores are judged against, not fitted to anything yet.

    The texts are the everyday words and all phrases of the train photos' regions.
    """
    proposals = sight.proposals
    vectors = proposals.vectors
    split = np.array([photo.split for photo in photos])
    sources = np.unique([photo.source for photo in photos], return_inverse=True)[1]
    train = np.flatnonzero(split[proposals.photo] == "train")
    chosen = train[diverse_rows(vectors[train], sources[proposals.photo[train]], segments)]
    named = {
        text
        for photo in photos
        if photo.split == "train"
        for pair in photo.pairs
        if pair.kind != PHOTO_KIND
        for text in pair.texts
    }
    words = sorted(named.union(word_list("everyday_words")))
    return Calibration.from_background(vectors[chosen], words, sight.encode(words))


def asked_of(sight: ModelView, questions: Sequence[Question]) -> list[Question]:
    """The questions that these models are asked."""
    return [q for q in questions if not sight.untaught or q.text in sight.untaught]


def judged_answers(
    calibration: Calibration, photos: Sequence[AnnotatedPhoto], sight: ModelView
) -> list[JudgedAnswers]:
    """Answers on the held-out photos: to phrases that they show, to the same without the photos
    that show them, and to words that no photo shows."""
    proposals = sight.proposals
    questions = asked_of(sight, named_questions(photos, proposals, "holdout"))
    absent = word_list("absent_words")[::2]  # the others are measured on
    asked = (
        [question for question in questions if question.present],
        without_answers(questions, photos, proposals, fewest=10),
        absent_questions(absent, photos, proposals, "holdout"),
    )
    return [
        judge(calibration, part, sight.encode([q.text for q in part]), proposals.vectors)
        for part in asked
    ]


def diverse_rows(
    vectors: NDArray[np.float32], groups: NDArray[np.int64], count: int, seed: int = 0
) -> NDArray[np.int64]:
    """Numbers of `count` of the vectors (M×D): as many of each group, the least alike of these.

    Of twice as many drawn at random, evenly over the groups, those are dropped that have the
    nearest neighbours.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(vectors))
    turn = np.zeros(len(vectors), np.int64)
    for group in np.unique(groups):
        rows = order[groups[order] == group]
        turn[rows] = np.arange(len(rows))
    drawn = order[np.argsort(turn[order], kind="stable")][: 2 * count]
    alike = vectors[drawn] @ vectors[drawn].T
    np.fill_diagonal(alike, -1)
    kept = np.ones(len(drawn), np.bool_)
    while kept.sum() > count:
        nearest = np.where(kept, alike.max(axis=1), -2)
        worst = int(nearest.argmax())
        kept[worst] = False
        alike[:, worst] = -1
    return drawn[kept]


def judge(
    calibration: Calibration,
    questions: Sequence[Question],
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
) -> JudgedAnswers:
    """The first `ASKED` answers to each question.

    Args:
        calibration: calibration that gives the background.
        questions: over rows of `vectors`.
        queries: Q×D unit vectors of the questions' texts.
        vectors: M×D unit vectors of all proposals.
    """
    tables = [np.zeros((0, len(FEATURES)))]
    shows, numbers = [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)]
    for number, (question, query) in enumerate(zip(questions, queries, strict=True)):
        scores = vectors[question.rows] @ query
        first = np.argsort(-scores, kind="stable")[:ASKED]
        tables.append(calibration.evidence(query, vectors[question.rows[first]]))
        shows.append(question.shows[first])
        numbers.append(np.full(len(first), number))
    return JudgedAnswers(np.concatenate(tables), np.concatenate(shows), np.concatenate(numbers))


def fitted(
    calibration: Calibration,
    present: Sequence[JudgedAnswers],
    absent: Sequence[JudgedAnswers],
    rounds: int = 4000,
) -> Calibration:
    """The calibration with the coefficients that explain the judged answers best.

    Questions of a part count alike, and `THERE` is the weight of the parts with answers.
    Logistic regression with a small ridge, by projected gradient descent: the coefficients of a
    score stay non-negative.
    """
    parts = []
    for group, share in ((present, THERE), (absent, 1 - THERE)):
        some = [part for part in group if len(part.question)]
        parts += [(part, share / len(some)) for part in some]
    table = np.concatenate([part.evidence for part, _ in parts])
    label = np.concatenate([part.shows for part, _ in parts]).astype(np.float64)
    weight = np.concatenate([_even_weights(part.question) * share for part, share in parts])
    middle, width = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = np.concatenate([(table - middle) / width, np.ones((len(table), 1))], axis=1)
    slope = np.zeros(scaled.shape[1])
    for _ in range(rounds):
        probability = 1 / (1 + np.exp(-np.clip(scaled @ slope, -30, 30)))
        slope -= scaled.T @ (weight * (probability - label)) + 1e-4 * slope
        slope[NOT_NEGATIVE] = np.maximum(slope[NOT_NEGATIVE], 0)
    coefficients = slope[:-1] / width
    constant = slope[-1] - coefficients @ middle
    return replace(calibration, coefficients=(*map(float, coefficients), float(constant)))


def expected_error(
    confidence: NDArray[np.float64], shows: NDArray[np.bool_], bins: int = 10
) -> float:
    """Expected calibration error: the mean gap of confidence and truth, over even bins."""
    place = np.clip((confidence * bins).astype(np.int64), 0, bins - 1)
    gap = np.bincount(place, confidence - shows, bins)
    return float(np.abs(gap).sum() / len(confidence))


def _even_weights(question: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of answers that give every question the same and sum to 1."""
    counts = np.bincount(question)
    return np.asarray(1 / (counts[question] * (counts > 0).sum()), np.float64)
