"""Making the calibration: its background, and the fit of its logistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from model.calibration import FEATURES, SIGNED, Calibration
from model.class_evidence import ClassEvidence
from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import PHOTO_KIND
from model.look_evidence import LookEvidence
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.kinship import Kinship
from model.training.calibration.questions import (
    Question,
    absent_questions,
    named_questions,
    unborne_names,
    without_answers,
    word_list,
)

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
THERE = 0.6  # of searches are for what is there: the weight of questions with answers
ASKED = 30  # of every question's answers, the first that are judged
RIDGE = 1e-4
TURNS = 8  # of the fit: what is told of an answer depends on those before it


@dataclass(frozen=True, eq=False)
class JudgedAnswers:
    """The first answers to some questions, best first in each.

    Attributes:
        evidence: R×5, as in `Calibration.evidence`.
        shows: R bool, whether the answer is right.
        question: R int64, ascending, which question it answers.
        classes: R float64, logits of seen classes.
        looks: R float64, shares that looks leave.
    """

    evidence: NDArray[np.float64]
    shows: NDArray[np.bool_]
    question: NDArray[np.int64]
    classes: NDArray[np.float64]
    looks: NDArray[np.float64]

    def told(self, calibration: Calibration) -> NDArray[np.float64]:
        """R float64: the confidences that a search tells, which never rise within a question."""
        logits = calibration.logits(self.evidence) + self.classes
        sure = self.looks / (1 + np.exp(-np.clip(logits, -30, 30)))
        return np.asarray(sure[lowest_so_far(sure, self.question)], np.float64)


@dataclass(frozen=True, eq=False)
class ModelView:
    """View that some models have of photos.

    Attributes:
        proposals: segments of the photos.
        encode: the models' texts to unit vectors.
        looks: rule for the looks that vectors tell, if they do.
        classes: rule for the classes that vectors tell, in their last components, if they do.
        class_dimensions: number of these components.
        untaught: phrases that these models were never taught, which they are asked for alone;
            none: all phrases are asked for.
    """

    proposals: CandidateMasks
    encode: Encode
    looks: LookEvidence | None = None
    classes: ClassEvidence | None = None
    class_dimensions: int = 0
    untaught: tuple[str, ...] = ()


def fit_calibration(
    photos: Sequence[AnnotatedPhoto],
    kinship: Kinship,
    sight: ModelView,
    others: Sequence[ModelView] = (),
) -> Calibration:
    """A calibration with a background from the train photos, fitted to the held-out ones.

    Args:
        photos: annotated photos of the corpus.
        kinship: which words are no rivals.
        sight: segments and encoder of the models that are calibrated.
        others: the same of models that some phrases were kept from: people ask for what nobody
            taught, and scores are lower then. Each is judged by a background of its own, and
            counts as much as the first.
    """
    calibration = background(photos, kinship, sight)
    present, absent = [], []
    for own in (sight, *others):
        judge_by = calibration if own is sight else background(photos, kinship, own)
        judged = judged_answers(judge_by, photos, kinship, own)
        present.append(judged[0])
        absent += judged[1:]
    return fitted(calibration, present, absent)


def background(
    photos: Sequence[AnnotatedPhoto], kinship: Kinship, sight: ModelView, segments: int = 2048
) -> Calibration:
    """Background that scores are judged against, not fitted to anything yet.

    The rival words are the everyday words and all phrases of the train photos' regions.
    """
    proposals = sight.proposals
    vectors = proposals.vectors[:, : proposals.vectors.shape[1] - sight.class_dimensions]
    split = np.array([photo.split for photo in photos])
    sources = np.unique([photo.source for photo in photos], return_inverse=True)[1]
    train = np.flatnonzero(split[proposals.photo] == "train")
    seen = vectors[train] / np.linalg.norm(vectors[train], axis=1, keepdims=True)
    chosen = diverse_rows(seen, sources[proposals.photo[train]], segments)
    named = {
        text
        for photo in photos
        if photo.split == "train"
        for pair in photo.pairs
        if pair.kind != PHOTO_KIND
        for text in pair.texts
    }
    words = sorted(named.union(word_list("everyday_words")))
    meaning = seen.shape[1] - (sight.looks.dimension if sight.looks else 0)
    return Calibration.from_background(
        seen[chosen],
        words,
        sight.encode(words)[:, :meaning],
        classes=sight.classes,
        looks=sight.looks,
        kin=kinship.pairs(words),
    )


def asked_of(sight: ModelView, questions: Sequence[Question]) -> list[Question]:
    """The questions that these models are asked."""
    return [q for q in questions if not sight.untaught or q.text in sight.untaught]


def judged_answers(
    calibration: Calibration,
    photos: Sequence[AnnotatedPhoto],
    kinship: Kinship,
    sight: ModelView,
) -> list[JudgedAnswers]:
    """Answers on the held-out photos: to phrases that they show, to the same without the photos
    that show them, and to words for what no photo shows."""
    proposals = sight.proposals
    questions = asked_of(sight, named_questions(photos, proposals, "holdout"))
    unborne = unborne_names(photos, proposals, kinship, "holdout")[::2]
    asked = (
        [question for question in questions if question.present],
        without_answers(questions, photos, proposals, kinship, fewest=10),
        # the others of these are measured on
        absent_questions(word_list("absent_words")[::2], photos, proposals, "holdout"),
        absent_questions(word_list("absent_compounds")[::2], photos, proposals, "holdout"),
        absent_questions(unborne, photos, proposals, "holdout", annotated=False),
    )
    return [judge(calibration, part, sight) for part in asked]


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
    calibration: Calibration, questions: Sequence[Question], sight: ModelView
) -> JudgedAnswers:
    """The first `ASKED` answers to each question.

    Args:
        calibration: calibration that gives the background.
        questions: over rows of the models' segments.
        sight: the models' view.
    """
    vectors, queries = sight.proposals.vectors, sight.encode([q.text for q in questions])
    evidence, classes = [np.zeros((0, len(FEATURES)))], [np.zeros(0)]
    shows, numbers, looks = [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for number, (question, query) in enumerate(zip(questions, queries, strict=True)):
        scores = (vectors @ query)[question.rows]
        first = np.argsort(-scores, kind="stable")[:ASKED]
        found = vectors[question.rows[first]]
        evidence.append(calibration.evidence(query, found))
        classes.append(calibration.class_logits(query, found))
        looks.append(calibration.look_shares(query, found))
        shows.append(question.shows[first])
        numbers.append(np.full(len(first), number))
    return JudgedAnswers(
        np.concatenate(evidence),
        np.concatenate(shows),
        np.concatenate(numbers),
        np.concatenate(classes),
        np.concatenate(looks),
    )


def fitted(
    calibration: Calibration,
    present: Sequence[JudgedAnswers],
    absent: Sequence[JudgedAnswers],
) -> Calibration:
    """The calibration with the coefficients that explain the judged answers best.

    Questions of a part count alike, and `THERE` is the weight of the parts with answers. Logistic
    regression with a small ridge; the coefficients of a score stay non-negative. What is fitted is
    what searches tell, the least confidence so far: which answer that is of depends on the
    coefficients, so they are fitted in turns. What seen classes add is given; answers to questions
    that ask for looks are left out, since meaning alone does not explain them.
    """
    parts = []
    for group, share in ((present, THERE), (absent, 1 - THERE)):
        some = [part for part in group if len(part.question)]
        parts += [(_meant_alone(part), share / len(some)) for part in some]
    table = np.concatenate([part.evidence for part, _ in parts])
    label = np.concatenate([part.shows for part, _ in parts]).astype(np.float64)
    given = np.concatenate([part.classes for part, _ in parts])
    weight = np.concatenate([_even_weights(part.question) * share for part, share in parts])
    counts = [0, *np.cumsum([part.question.max(initial=-1) + 1 for part, _ in parts])]
    question = np.concatenate(
        [part.question + first for (part, _), first in zip(parts, counts, strict=False)]
    )
    middle, width = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = np.concatenate([(table - middle) / width, np.ones((len(table), 1))], axis=1)
    slope, lowest = np.zeros(scaled.shape[1]), np.arange(len(table))
    for _ in range(TURNS):
        slope = _logistic_fit(scaled[lowest], label, weight, given[lowest], slope)
        lowest = lowest_so_far(scaled @ slope + given, question)
    coefficients = slope[:-1] / width
    constant = slope[-1] - coefficients @ middle
    return replace(calibration, coefficients=(*map(float, coefficients), float(constant)))


def lowest_so_far(values: NDArray[np.float64], question: NDArray[np.int64]) -> NDArray[np.int64]:
    """R int64: of each answer the row of the lowest value among it and those before it to the same
    question."""
    lowest = np.arange(len(values))
    for row in range(1, len(values)):
        before = lowest[row - 1]
        if question[row] == question[before] and values[before] <= values[row]:
            lowest[row] = before
    return lowest


def _logistic_fit(
    table: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    given: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Coefficients of the table's columns, the last of which is the constant."""

    def loss(slope: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = np.clip(table @ slope + given, -30, 30)
        error = 1 / (1 + np.exp(-logits)) - label
        value = weight @ (np.logaddexp(0, logits) - label * logits) + RIDGE / 2 * slope @ slope
        return float(value), table.T @ (weight * error) + RIDGE * slope

    bounds = [(None if name in SIGNED else 0.0, None) for name in FEATURES]
    found = minimize(loss, start, jac=True, bounds=[*bounds, (None, None)], method="L-BFGS-B")
    return np.asarray(found.x, np.float64)


def _meant_alone(judged: JudgedAnswers) -> JudgedAnswers:
    """The answers to questions that ask for no looks."""
    kept = judged.looks == 1
    return JudgedAnswers(
        judged.evidence[kept],
        judged.shows[kept],
        judged.question[kept],
        judged.classes[kept],
        judged.looks[kept],
    )


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
