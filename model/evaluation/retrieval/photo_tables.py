"""Tables of photos: how well phrases and captions find the photos that show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import Truth
from model.evaluation.comparison import (
    IMAGENET,
    MAP,
    MEASURES,
    P10,
    R1,
    R10,
    WHOLE,
    Answers,
    compared,
    comparison_table,
)
from model.evaluation.ranking import Ranking, best_of_groups
from model.evaluation.retrieval.attribute_tables import Encode
from model.evaluation.retrieval.judging import judged_photos, phrases_of, relevance
from model.evaluation.retrieval.observations import Observations, Proposals
from model.evaluation.retrieval.segment_tables import masks_of
from model.evaluation.tables import Table
from model.language.sentence import phrases_of as things_named
from model.language.sentence import sentence_scores

NAMED = "photos and what sentences name"
CHUNK = 128  # queries whose scores of all masks are held at once


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
        masks_of(name, preset): _photo_scores(queries, proposals, len(truth.photos))[:, members]
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
        scores[masks_of(name, preset)] = best
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
