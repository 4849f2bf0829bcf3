"""Deaths of a process, or of a server, at a named point of indexing, by kill -9.

`arm` wraps what happens at that point in the process that calls it, a fork of a bench: what is
tested carries nothing for it.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from indexer.catalog.postgres import postgres_catalog, postgres_jobs
from indexer.location import parsed
from indexer.vectors import milvus_collection, pgvector_graph

POINTS = ("before the lease", "with the lease", "in the transaction", "after the commit",
          "applying")  # fmt: skip
"""Before a photo is leased; with its lease, before it is opened; its rows written and not
committed; committed, before its vectors are applied and the photo is off the list; while vectors
are sent to Milvus, or pgvector makes its graph."""

LATER = 3
"""Times after which who outlived a server's death dies, too."""


def arm(uri: str, point: str, number: int, victim: str) -> None:
    """Have somebody killed when a point is reached for the so-manyth time, once.

    Args:
        uri: the index.
        point: one of `POINTS`.
        number: times, from 1 on.
        victim: "process" for this one, "postgres", or the pid of another.
    """
    reached = 0

    def strike(*_: object) -> None:
        nonlocal reached
        reached += 1
        if reached == number:
            kill(uri, point, victim)
        elif reached == number + LATER and "+milvus" not in uri:
            os.kill(os.getpid(), signal.SIGKILL)  # or one process would do all that is left

    if point == "before the lease":
        _wrap(postgres_jobs.PostgresJobs, "take", before=strike)
    elif point == "with the lease":
        _wrap(postgres_jobs.PostgresJobs, "take", after=lambda job: job and strike())
    elif point == "in the transaction":
        _wrap(postgres_catalog, "insert_photo", after=strike)
    elif point == "after the commit":
        _wrap(postgres_catalog.PostgresCatalog, "remember_photo", after=strike)
    elif "+milvus" in uri:
        milvus_collection._ROWS = 2
        _wrap(milvus_collection, "_upsert", after=strike)
        _wrap(milvus_collection, "_delete", after=strike)
    else:
        _during_graphs(lambda: kill(uri, point, victim))


def kill(uri: str, point: str, victim: str) -> None:
    """Tell that somebody dies now, and kill."""
    name = {"process": "process", "postgres": "postgres"}.get(victim, "milvus")
    if victim == "postgres":  # one of its processes: all others end, and it recovers
        with psycopg.connect(**parsed(uri)[0].parameters) as connection:
            pid = connection.info.backend_pid
            _tell(point, name)
            os.kill(pid, signal.SIGKILL)
            with suppress(psycopg.Error):
                connection.execute("SELECT 1")
        return
    _tell(point, name)
    os.kill(os.getpid() if victim == "process" else int(victim), signal.SIGKILL)


def _tell(point: str, victim: str) -> None:
    os.write(1, f"died {os.getpid()} {victim} {point.replace(' ', '_')}\n".encode())


def _wrap(
    owner: Any,
    name: str,
    before: Callable[[], object] = lambda: None,
    after: Callable[[Any], object] = lambda _: None,
) -> None:
    plain = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        before()
        given = plain(*args, **named)
        after(given)
        return given

    setattr(owner, name, wrapped)


def _during_graphs(deed: Callable[[], None]) -> None:
    """Do something some milliseconds after the database began to make a graph."""
    pgvector_graph.FROM = 10
    plain = psycopg.Connection.execute

    def execute(self: Any, query: Any, *args: Any, **named: Any) -> Any:
        if str(query).startswith("CREATE INDEX CONCURRENTLY"):
            threading.Timer(random.uniform(0, 0.02), deed).start()
        return plain(self, query, *args, **named)

    psycopg.Connection.execute = execute  # type: ignore[method-assign]
