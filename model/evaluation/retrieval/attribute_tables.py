"""Tables of queries of a phrase and an attribute: of all segments with one name, which are so?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.evaluation.comparison import CROPS, MAP, R1, WHOLE, Answers, compared, comparison_table
from model.evaluation.ranking import Ranking
from model.evaluation.retrieval.attribute_query import Qualified
from model.evaluation.retrieval.colour_queries import colour_queries
from model.evaluation.retrieval.judging import phrases_of
from model.evaluation.retrieval.observations import Observations
from model.evaluation.retrieval.position_queries import place_queries
from model.evaluation.tables import Row, Table

WITHOUT_COLOUR = "without the colour word"
SURVEYED = "colours as people named them in a survey"
WITHOUT_PLACE = "without the place or size"
AMONG_ALL = "among all true masks"
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def coloured(observations: Observations, preset: str, encode: Encode) -> Table:
    """COLOUR PHRASE → those of the phrase's segments that have the colour, true masks given."""
    texts, relevant = phrases_of(observations)
    groups = [
        ("", list(colour_queries(texts, relevant, observations.colours))),
        (SURVEYED, list(colour_queries(texts, relevant, observations.surveyed))),
    ]
    title = "COLOUR PHRASE → segment, among the phrase's true masks"
    return qualified_table(title, WITHOUT_COLOUR, groups, observations, preset, encode)


def placed(observations: Observations, preset: str, encode: Encode) -> Table:
    """PHRASE somewhere, or of some size → those of the phrase's segments that are there, or so.

    First among the phrase's segments, then among all: there what is well placed must not hide
    what is asked for.
    """
    texts, relevant = phrases_of(observations)
    groups = [
        (
            name,
            list(
                place_queries(texts, relevant, observations.centres, observations.area, among_all)
            ),
        )
        for name, among_all in (("", False), (AMONG_ALL, True))
    ]
    title = "PHRASE somewhere, or of some size → segment, among the phrase's true masks"
    return qualified_table(title, WITHOUT_PLACE, groups, observations, preset, encode)


def qualified_table(
    title: str,
    alone: str,
    groups: Sequence[tuple[str, Sequence[Qualified]]],
    observations: Observations,
    preset: str,
    encode: Encode,
) -> Table:
    """mAP and R@1 of groups of queries; of the first group also mAP by word.

    Args:
        title: title of the table.
        alone: name of the column of the phrases without their words.
        groups: rows' names, and their queries.
        observations: vectors and truths of the photos.
        preset: its name, for the columns.
        encode: T texts to T×D unit vectors.
    """
    rows: list[Row | None] = []
    for number, (name, asked) in enumerate(groups):
        if not asked:
            continue
        methods = _answers(asked, observations, preset, alone, encode)
        rows += [compared(name, measure, methods) for measure in (MAP, R1)]
        for word in dict.fromkeys(query.word for query in asked if number == 0):
            of_word = np.array([query.word == word for query in asked])
            rows.append(compared(word, MAP, methods, of_word))
    return comparison_table(title, "queries", (preset, alone, CROPS, WHOLE), rows)


def _answers(
    asked: Sequence[Qualified], observations: Observations, preset: str, alone: str, encode: Encode
) -> dict[str, Answers | None]:
    shape = (len(asked), len(observations.photo))
    judged, right = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for number, query in enumerate(asked):
        judged[number, query.rows] = True
        right[number, query.rows] = query.right
    both, phrases = encode([q.text for q in asked]), encode([q.phrase for q in asked])
    return {
        name: None if vectors is None else Answers(Ranking(words @ vectors.T, judged), right)
        for name, words, vectors in (
            (preset, both, observations.regions),
            (alone, phrases, observations.regions),
            (CROPS, both, observations.crops),
            (WHOLE, both, observations.whole[observations.photo]),
        )
    }
