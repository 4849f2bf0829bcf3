"""The table of "COLOUR PHRASE" queries, by two opinions of what has which colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.evaluation.colours import ColourQuery, colour_queries
from model.evaluation.comparison import (
    CROPS,
    MAP,
    R1,
    WHOLE,
    Answers,
    compared,
    comparison_table,
)
from model.evaluation.judging import phrases_of
from model.evaluation.looks import Looks
from model.evaluation.ranking import Ranking
from model.evaluation.tables import Row, Table

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
ALONE = "without the colour word"
SURVEYED = "colours as people named them in a survey"


def coloured(looks: Looks, preset: str, encode: Encode) -> Table:
    """COLOUR PHRASE → those of the phrase's segments that have the colour, true masks given."""
    texts, relevant = phrases_of(looks)
    rows: list[Row | None] = []
    asked = list(colour_queries(texts, relevant, looks.colours))
    if asked:
        methods = _answers(asked, looks, preset, encode)
        rows += [compared("", measure, methods) for measure in (MAP, R1)]
        for colour in dict.fromkeys(query.colour for query in asked):
            of_colour = np.array([query.colour == colour for query in asked])
            rows.append(compared(colour, MAP, methods, of_colour))
    if asked := list(colour_queries(texts, relevant, looks.surveyed)):
        methods = _answers(asked, looks, preset, encode)
        rows += [compared(SURVEYED, measure, methods) for measure in (MAP, R1)]
    title = "COLOUR PHRASE → segment, among the phrase's true masks"
    return comparison_table(title, "queries", (preset, ALONE, CROPS, WHOLE), rows)


def _answers(
    asked: Sequence[ColourQuery], looks: Looks, preset: str, encode: Encode
) -> dict[str, Answers | None]:
    shape = (len(asked), len(looks.photo))
    judged, right = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for number, query in enumerate(asked):
        judged[number, query.rows] = True
        right[number, query.rows] = query.right
    both, alone = encode([q.text for q in asked]), encode([q.phrase for q in asked])
    return {
        name: None if vectors is None else Answers(Ranking(words @ vectors.T, judged), right)
        for name, words, vectors in (
            (preset, both, looks.regions),
            (ALONE, alone, looks.regions),
            (CROPS, both, looks.crops),
            (WHOLE, both, looks.whole[looks.photo]),
        )
    }
