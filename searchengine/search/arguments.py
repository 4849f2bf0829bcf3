"""Arguments of questions, as the queries and examples that they stand for."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from indexer.catalog.filter import Filter
from model.argument_types import require_type
from model.errors import QueryError
from searchengine.matches.match import Match
from searchengine.queries.conditions import filtered
from searchengine.queries.example import Example
from searchengine.queries.picture import NAME as PICTURE
from searchengine.queries.picture import Picture
from searchengine.queries.query import Query, as_negatives


def pointed(
    example: Match | Example | Path | str | Picture,
    at: tuple[float, float] | None,
    box: tuple[float, float, float, float] | None,
) -> Example:
    """What is given as an example, as one; of a picture its place alone."""
    if isinstance(example, Match | Example):
        if at is not None or box is not None:
            raise QueryError(
                "a place is given beside a whole example", "give a photo with it, or an Example"
            )
        return Example(segment=example.segment_id) if isinstance(example, Match) else example
    if isinstance(example, PillowImage.Image | np.ndarray):
        return Example(Path(PICTURE), at, box)
    require_type("the example", example, str | Path, "a match, an Example, a path or a picture")
    return Example(example, at, box)


def query_of(words: str, *, where: Filter | None = None, **arguments: Any) -> Query:
    """A text as a query, by the arguments of `search`."""
    ours = {field.name for field in fields(Query)}
    said = {name: value for name, value in arguments.items() if name in ours}
    conditions = {name: value for name, value in arguments.items() if name not in ours}
    return Query(words=words, **given_fields(where=filtered(where, conditions), **said))


def given_fields(**arguments: Any) -> dict[str, Any]:
    """Fields of a query for the arguments that are not None."""
    given = {name: value for name, value in arguments.items() if value is not None}
    if "negatives" in given:
        given["negatives"] = as_negatives(given["negatives"])
    for judged in {"like", "unlike"} & given.keys():
        given[judged] = tuple(
            each.segment_id if isinstance(each, Match) else int(each) for each in given[judged]
        )
    return given
