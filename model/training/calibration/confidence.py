"""Worth of a calibration's confidence on photos that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.calibration import Calibration
from model.datasets.corpus import AnnotatedPhoto
from model.training.calibration.fitting import (
    JudgedAnswers,
    ModelView,
    asked_of,
    expected_error,
    judge,
)
from model.training.calibration.kinship import Kinship
from model.training.calibration.presence import name_figures, rank_share
from model.training.calibration.questions import (
    absent_questions,
    named_questions,
    without_answers,
    word_list,
)

CONFIDENT = 0.5
ABSENT = {
    "phrases whose photos were removed": None,
    "words no photo shows": "absent_words",
    "compounds no photo shows": "absent_compounds",
}


def confidence_figures(
    photos: Sequence[AnnotatedPhoto],
    kinship: Kinship,
    sight: ModelView,
    calibration: Calibration,
    split: str = "val",
) -> dict[str, float]:
    """Figures by name, over the segments of the split's photos.

    Confidences are those that a search tells: none is above that of an answer before it, so the
    first answer's says whether there is one. The areas are shares of the pairs of a phrase that
    some photo shows and one that none shows of which the first is told surer.
    """
    proposals = sight.proposals
    named = asked_of(sight, named_questions(photos, proposals, split))
    present = [question for question in named if question.present]
    asked = {
        said: without_answers(named, photos, proposals, kinship)
        if words is None
        # the others were fitted on
        else absent_questions(word_list(words)[1::2], photos, proposals, split)
        for said, words in ABSENT.items()
    }
    figures: dict[str, float] = {}
    if present:
        right = judge(calibration, present, sight)
        told = right.told(calibration)
        there = told[firsts(right)]
        figures["expected error over the first 30 answers"] = expected_error(told, right.shows)
        figures["confident answers that are right"] = _share(right.shows[told >= CONFIDENT])
        figures["confident: present phrases"] = _share(there >= CONFIDENT)
    for said, questions in asked.items():
        if questions:
            answers = judge(calibration, questions, sight)
            absent = answers.told(calibration)[firsts(answers)]
            figures[f"confident: {said}"] = _share(absent >= CONFIDENT)
            if present:
                figures[f"area: present phrases, {said}"] = rank_share(there, absent)
    return figures | name_figures(photos, kinship, sight, calibration, split)


def firsts(judged: JudgedAnswers) -> np.ndarray:
    """Rows of the first answer to each question."""
    return np.unique(judged.question, return_index=True)[1]


def _share(of: np.ndarray) -> float:
    return float(of.mean()) if len(of) else 0.0
