"""The table of "COLOUR PHRASE" queries, by two opinions of what has which colour."""

from __future__ import annotations

from model.evaluation.retrieval.attribute_tables import Encode, qualified_table
from model.evaluation.retrieval.colour_queries import colour_queries
from model.evaluation.retrieval.judging import phrases_of
from model.evaluation.retrieval.observations import Observations
from model.evaluation.tables import Table

ALONE = "without the colour word"
SURVEYED = "colours as people named them in a survey"


def coloured(observations: Observations, preset: str, encode: Encode) -> Table:
    """COLOUR PHRASE → those of the phrase's segments that have the colour, true masks given."""
    texts, relevant = phrases_of(observations)
    groups = [
        ("", list(colour_queries(texts, relevant, observations.colours))),
        (SURVEYED, list(colour_queries(texts, relevant, observations.surveyed))),
    ]
    title = "COLOUR PHRASE → segment, among the phrase's true masks"
    return qualified_table(title, ALONE, groups, observations, preset, encode)
