"""Choice of vectors: what conditions mean in the statements that search a table of vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from indexer.catalog.filter import Filter
from indexer.catalog.postgres.conditions import conditions_of
from indexer.catalog.postgres.database import Connection


@dataclass(frozen=True)
class Choice:
    """A choice of vectors in SQL.

    Attributes:
        joined: tables beside `vectors AS v`, joined to it; "" for none.
        where: conditions; "" for none.
        values: values of their parameters.
        counted: number of them in SQL, of the same parameters; "" to count them one by one.
    """

    joined: str = ""
    where: str = ""
    values: tuple[Any, ...] = ()
    counted: str = ""

    @property
    def source(self) -> str:
        """The vectors that are chosen, to stand behind FROM."""
        return f"vectors AS v {self.joined} WHERE {self.where or 'true'}"


Chooser = Callable[[Connection, Filter], Choice]


def choice_of(connection: Connection, asked: Filter) -> Choice:
    """The choice that a filter makes in a catalog: all of its conditions are the database's."""
    conditions = conditions_of(connection, asked)
    joined = "JOIN segments AS s ON s.id = v.segment_id"
    if conditions.of_photos:
        joined += " JOIN photos AS p ON p.id = s.photo_id"
    counted = ""
    if not conditions.of_segments:
        counted = f"SELECT sum(segment_count) FROM photos AS p WHERE {conditions.where}"
    return Choice(joined, conditions.where, conditions.values, counted)
