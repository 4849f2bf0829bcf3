"""Table of phrases: what each finds, beside the means of all."""

from __future__ import annotations

import math

from model.datasets.ground_truth import Truth
from model.evaluation.comparison import MAP, R1, Answers
from model.evaluation.ranking import Ranking
from model.evaluation.retrieval.attribute_tables import Encode
from model.evaluation.retrieval.judging import phrases_of
from model.evaluation.retrieval.observations import Observations
from model.evaluation.retrieval.segment_tables import judged_masks, strict_answers
from model.evaluation.tables import Row, Table

COLUMNS = ("AP, true masks", "AP, own masks", "R@1, own masks")


def each_phrase(truth: Truth, observations: Observations, preset: str, encode: Encode) -> Table:
    """A row a phrase, with the number of regions that have it.

    Args:
        truth: the photos.
        observations: vectors and truths of the photos.
        preset: name of the preset, whose masks are the own ones.
        encode: T texts to T×D unit vectors.
    """
    texts, relevant = phrases_of(observations)
    queries, total = encode(texts), relevant.sum(axis=1)
    given = Answers(Ranking(queries @ observations.regions.T), relevant)
    judged = judged_masks(truth, observations, preset, queries)
    matched, left_out = strict_answers(judged)
    own = Answers(Ranking(judged.scores, judged.answers), matched, left_out, total)
    figures = zip(given.figures(MAP), own.figures(MAP), own.figures(R1), strict=True)
    rows = (
        Row(text, int(count), tuple(None if math.isnan(f) else float(f) for f in three))
        for text, count, three in zip(texts, total, figures, strict=True)
    )
    return Table("each phrase", "regions", COLUMNS, tuple(rows))
