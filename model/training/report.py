"""What the preset reaches on photos that it was not trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration
from model.evaluation.ranking import Ranking, best_of_groups, mean
from model.training.calibrating import Judged, expected_error, judge
from model.training.examples import Examples, examples_of, global_features
from model.training.head_training import embedded
from model.training.material import Material
from model.training.pairs import PHOTO_KIND
from model.training.questions import (
    absent_questions,
    named_questions,
    without_answers,
    word_list,
)
from model.use.head import SegmentHead

NAMED_KINDS = ("object", "part", "stuff")
CONFIDENT = 0.5
SHOWN = 10  # a question counts as answered when one of this many results is confident


def report(material: Material, head: SegmentHead, calibration: Calibration) -> dict[str, float]:
    """Figures by name, measured on the split `val`."""
    figures: dict[str, float] = {}
    true_masks = examples_of(material.photos, material.annotated, None, ["val"], NAMED_KINDS)
    figures |= _true_masks(material, true_masks, head)
    figures |= _end_to_end(material, head)
    figures |= _whole_photos(material, head)
    figures |= _confidence(material, head, calibration)
    return figures


def _true_masks(material: Material, segments: Examples, head: SegmentHead) -> dict[str, float]:
    texts = material.encode(segments.texts)
    scores = texts @ embedded(head, segments.pooled, segments.whole).T
    relevant = relevance(segments)
    figures = {
        "segments": float(len(segments)),
        "phrases": float(len(segments.texts)),
        "segment mAP": _precision_of(scores, relevant),
        "segment mAP, chance": float(relevant.mean(axis=1).mean()),
        "segment P@10": _first_ten(scores, relevant),
    }
    sources = np.array([material.photos[n].source for n in segments.photo])
    for source in np.unique(sources):
        inside = sources == source
        figures[f"segment mAP within {source}"] = _precision_of(
            scores[:, inside], relevant[:, inside]
        )
    return figures


def _precision_of(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> float:
    return mean(Ranking(scores).average_precision(relevant)) or 0.0


def _first_ten(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> float:
    return mean(Ranking(scores).precision(relevant, 10)) or 0.0


def relevance(examples: Examples) -> NDArray[np.bool_]:
    """T×M: whether each of the examples' texts is true of each segment."""
    relevant = np.zeros((len(examples.texts), len(examples)), np.bool_)
    for column in examples.true_texts.T:
        true = np.flatnonzero(column >= 0)
        relevant[column[true], true] = True
    return relevant


def _end_to_end(material: Material, head: SegmentHead) -> dict[str, float]:
    questions = named_questions(material.photos, material.proposals, "val")
    texts = [question.text for question in questions]
    queries = material.encode(texts)
    used = np.unique(np.concatenate([material.proposals.photo[q.rows] for q in questions]))
    rows = np.isin(material.proposals.photo, used)
    vectors = material.proposal_vectors(head)
    place = np.searchsorted(used, material.proposals.photo[rows])
    scores = best_of_groups(queries @ vectors[rows].T, place, len(used))
    relevant = np.array(
        [
            [any(text in pair.texts for pair in material.photos[n].pairs) for n in used]
            for text in texts
        ]
    )
    common = relevant.sum(axis=1) >= 10
    judged = [vectors[q.rows] @ query for q, query in zip(questions, queries, strict=True)]
    found = [(s, q.shows) for s, q in zip(judged, questions, strict=True) if q.present]
    return {
        "photos end to end": float(len(used)),
        "photo P@10, own masks": _first_ten(scores, relevant),
        "photo P@10, phrases in ≥ 10 photos": _first_ten(scores[common], relevant[common]),
        "photo P@10, chance": float(relevant.mean(axis=1).mean()),
        "segment mAP, own masks among judged": float(
            np.mean([_precision_of(s[None], r[None]) for s, r in found])
        ),
    }


def _whole_photos(material: Material, head: SegmentHead) -> dict[str, float]:
    """Captions and class names find their photo, by its own vector, among all val photos."""
    photos, table = material.photos, material.annotated
    rows = np.flatnonzero(table.pair == -1)
    rows = rows[[photos[n].split == "val" for n in table.photo[rows]]]
    whole = global_features(table, len(photos))[table.photo[rows]]
    vectors = embedded(head, table.rows[rows], whole)
    figures = {}
    for source in ("imagenet_compatible", "flickr_captions"):
        captions = [
            (place, pair.texts[0])
            for place, n in enumerate(table.photo[rows])
            if photos[n].source == source
            for pair in photos[n].pairs
            if pair.kind == PHOTO_KIND
        ]
        scores = material.encode([text for _, text in captions]) @ vectors.T
        own = np.array([place for place, _ in captions])
        rank = (scores > scores[np.arange(len(own)), own][:, None]).sum(axis=1)
        figures[f"{source}, text → photo R@1"] = float((rank < 1).mean())
        figures[f"{source}, text → photo R@10"] = float((rank < 10).mean())
    return figures


def _confidence(
    material: Material, head: SegmentHead, calibration: Calibration
) -> dict[str, float]:
    vectors = material.proposal_vectors(head)
    named = named_questions(material.photos, material.proposals, "val")
    present = [question for question in named if question.present]
    removed = without_answers(named, material.photos, material.proposals)
    words = word_list("absent_words")[1::2]  # the others were fitted on
    absent = absent_questions(words, material.photos, material.proposals, "val")
    judged: dict[str, Judged] = {
        name: judge(calibration, asked, material.encode([q.text for q in asked]), vectors)
        for name, asked in (("present", present), ("removed", removed), ("absent", absent))
    }
    right = judged["present"]
    confidence = calibration.probability(right.evidence)
    sure = confidence >= CONFIDENT
    return {
        "ECE over the first 30 answers of present phrases": expected_error(confidence, right.shows),
        "confident answers that are right": float(right.shows[sure].mean()) if sure.any() else 0.0,
        "confident: present phrases": confident_share(calibration, right),
        "confident: phrases whose photos were removed": confident_share(
            calibration, judged["removed"]
        ),
        "confident: words no photo shows": confident_share(calibration, judged["absent"]),
    }


def confident_share(calibration: Calibration, judged: Judged) -> float:
    """Share of the questions with a confident answer among the first `SHOWN`; 0 without any."""
    if not len(judged.question):
        return 0.0
    sure = calibration.probability(judged.evidence) >= CONFIDENT
    answers = [sure[judged.question == n][:SHOWN].any() for n in np.unique(judged.question)]
    return float(np.mean(answers))
