"""The table of "PHRASE on the left" and "small PHRASE" queries."""

from __future__ import annotations

from model.evaluation.retrieval.attribute_tables import Encode, qualified_table
from model.evaluation.retrieval.judging import phrases_of
from model.evaluation.retrieval.observations import Observations
from model.evaluation.retrieval.position_queries import place_queries
from model.evaluation.tables import Table

ALONE = "without the place or size"
AMONG_ALL = "among all true masks"


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
    return qualified_table(title, ALONE, groups, observations, preset, encode)
