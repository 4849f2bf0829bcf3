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
from model.training.calibration.questions import (
    absent_questions,
    named_questions,
    without_answers,
    word_list,
)

CONFIDENT = 0.5
SHOWN = 10  # a question counts as answered when one of this many results is confident


def confidence_figures(
    photos: Sequence[AnnotatedPhoto],
    sight: ModelView,
    calibration: Calibration,
    split: str = "val",
) -> dict[str, float]:
    """Figures by name, over the proposals on the split's photos."""
    proposals, encode = sight.proposals, sight.encode
    named = asked_of(sight, named_questions(photos, proposals, split))
    present = [question for question in named if question.present]
    removed = without_answers(named, photos, proposals)
    words = word_list("absent_words")[1::2]  # the others were fitted on
    absent = absent_questions(words, photos, proposals, split)
    judged: dict[str, JudgedAnswers] = {
        name: judge(calibration, asked, encode([q.text for q in asked]), proposals.vectors)
        for name, asked in (("present", present), ("removed", removed), ("absent", absent))
        if asked
    }
    figures = {
        f"confident: {said}": confident_share(calibration, judged[name])
        for name, said in (
            ("present", "present phrases"),
            ("removed", "phrases whose photos were removed"),
            ("absent", "words no photo shows"),
        )
        if name in judged
    }
    if "present" in judged:
        right = judged["present"]
        confidence = calibration.probability(right.evidence)
        sure = confidence >= CONFIDENT
        figures["expected error over the first 30 answers"] = expected_error(
            confidence, right.shows
        )
        figures["confident answers that are right"] = (
            float(right.shows[sure].mean()) if sure.any() else 0.0
        )
    return figures


def confident_share(calibration: Calibration, judged: JudgedAnswers) -> float:
    """Share of the questions with a confident answer among the first `SHOWN`; 0 without any."""
    if not len(judged.question):
        return 0.0
    sure = calibration.probability(judged.evidence) >= CONFIDENT
    answers = [sure[judged.question == n][:SHOWN].any() for n in np.unique(judged.question)]
    return float(np.mean(answers))
