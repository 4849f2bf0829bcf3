"""The graph (HNSW) that pgvector follows through a table of vectors: made, and made anew.

It is an index of all vectors up to one id, which its name tells. Those that come later are compared
beside it: to put them in as they come took 2 ms each, during which no other photo is stored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.catalog.postgres.database import Connection, Database, fetched

FROM = 100_000
"""Vectors from which a graph is worth its upkeep: below, all are compared."""
MOST_BEHIND = 0.2
"""Share of the graph's vectors that may come after it before it is made anew."""

_NAME = "vectors_graph"
_PAUSE = 0.2  # seconds between two looks whether another is through


class VectorGraph:
    """Graph over the table of a catalog's vectors.

    Args:
        database: connections to the catalog.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self) -> bool:
        """Make it where vectors are many and it is not there; whether it was made.

        Searches and writers go on meanwhile. One process makes it at a time: another does not wait.
        """
        with self._database.alone() as connection, _turn(connection) as is_ours:
            if not is_ours or not _is_due(connection, covered(connection)):
                return False
            ((last,),) = fetched(connection, "SELECT max(segment_id) FROM vectors")
            old = _graphs(connection)
            for name, valid in old:
                if not valid:  # what a killed process left
                    connection.execute(f"DROP INDEX IF EXISTS {name}")
            connection.execute(
                f"CREATE INDEX CONCURRENTLY {_NAME}_{last} ON vectors"
                f" USING hnsw (vector halfvec_ip_ops) WHERE segment_id <= {last}"
            )
            for name, _ in old:
                connection.execute(f"DROP INDEX IF EXISTS {name}")
            return True

    def drop(self) -> None:
        """Remove it; searches then compare all vectors.

        Whoever makes it meanwhile is waited for: a server goes on with that for a process that was
        killed, and to drop what it is at would be a deadlock.
        """
        while True:
            with self._database.alone() as connection, _turn(connection) as is_ours:
                if is_ours:
                    for name, _ in _graphs(connection):
                        connection.execute(f"DROP INDEX IF EXISTS {name}")
                    return
            time.sleep(_PAUSE)  # and holds no snapshot, for which the other would wait

    def problems(self) -> list[str]:
        """Faults of it, a line each."""
        with self._database.reading() as connection:
            left = [name for name, valid in _graphs(connection) if not valid]
        return ["the graph of the vectors was left unfinished, and is not used"] if left else []


@contextmanager
def _turn(connection: Connection) -> Iterator[bool]:
    """One's turn to make or drop the graph; False where it is another's."""
    lock = f"hashtext(current_schema() || '{_NAME}')"
    ((free,),) = fetched(connection, f"SELECT pg_try_advisory_lock({lock})")
    try:
        yield bool(free)
    finally:
        if free and not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock({lock})")


def covered(connection: Connection) -> int | None:
    """The last id that a whole graph holds; None where there is no graph."""
    lasts = [int(name.rpartition("_")[2]) for name, valid in _graphs(connection) if valid]
    return max(lasts, default=None)


def state(last: int, *beside: str) -> str:
    """SQL for a row that tells of the graph up to an id whether it is whole, and whether vectors
    came later, and then what stands `beside`; for none where it is not there."""
    columns = "".join(f", {each}" for each in beside)
    return (
        f"SELECT indisvalid, EXISTS (SELECT 1 FROM vectors WHERE segment_id > {last}){columns}"
        f" FROM pg_index WHERE indexrelid = to_regclass('{_NAME}_{last}')"
    )


def _graphs(connection: Connection) -> list[tuple[str, bool]]:
    """Names of the graphs, and whether each is whole."""
    return [
        (str(name), bool(valid))
        for name, valid in fetched(
            connection,
            "SELECT c.relname::text, i.indisvalid FROM pg_index AS i"
            " JOIN pg_class AS c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = 'vectors'::regclass AND c.relname ~ %s",
            f"^{_NAME}_[0-9]+$",
        )
    ]


def _is_due(connection: Connection, last: int | None) -> bool:
    """Whether it is to be made: of many vectors, or as many came since it was made."""
    statement = (
        "SELECT count(*) FROM (SELECT 1 FROM vectors WHERE segment_id > %s LIMIT %s) AS late"
    )
    if last is None:
        return bool(fetched(connection, statement, -1, FROM)[0][0] >= FROM)
    ((held,),) = fetched(connection, "SELECT count(*) FROM vectors WHERE segment_id <= %s", last)
    due = max(FROM // 2, int(MOST_BEHIND * held))
    return bool(fetched(connection, statement, last, due)[0][0] >= due)
