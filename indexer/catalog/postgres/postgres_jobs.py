"""The list of photos to be looked at in PostgreSQL: leases that end by the server's clock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any
from uuid import uuid4

from indexer.catalog.job_list import LEASE, Job, JobList, Sharer
from indexer.catalog.postgres.database import Database, fetched
from indexer.catalog.records import FileStamp
from indexer.location import Location

_AT_ONCE = 5000
_PUT = """
INSERT INTO jobs (path, size, mtime_ns)
SELECT given.* FROM unnest(%s::bytea[], %s::bigint[], %s::bigint[]) AS given (path, size, mtime_ns)
WHERE NOT EXISTS (
    SELECT 1 FROM files AS f WHERE f.path = given.path AND f.size = given.size
    AND f.mtime_ns = given.mtime_ns AND (f.photo_id IS NOT NULL OR NOT %s)
)
ORDER BY given.path
ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns
WHERE (jobs.size, jobs.mtime_ns) <> (excluded.size, excluded.mtime_ns) AND jobs.sharer IS NULL
"""
_TAKE = """
UPDATE jobs SET attempts = attempts + 1, sharer = %s,
    leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE path = (
    SELECT path FROM jobs WHERE {free} AND {mine} ORDER BY path LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING path, size, mtime_ns, attempts, EXISTS (
    SELECT 1 FROM files AS f WHERE f.path = jobs.path AND f.size = jobs.size
    AND f.mtime_ns = jobs.mtime_ns AND f.photo_id IS NOT NULL
)
"""
_FRESH = "attempts = 0"
_TRIED = "attempts > 0 AND leased_until < clock_timestamp()"
_RENEW = """
WITH here AS (
    INSERT INTO sharers (id, host, pid) VALUES (%s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET seen = clock_timestamp(), done = %s
)
UPDATE jobs SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE sharer = %s AND path = ANY(%s::bytea[])
"""


class PostgresJobs(JobList):
    """Photos below some folders, for one process.

    What a crash of the server undoes here is only done twice, so nothing waits for its disk. A
    lease whose answer was lost in one is asked for anew, and is another photo's then: only those
    that are known to be in hand are renewed, so that the first one's ends.

    Args:
        location: place of the catalog.
        roots: folders and files whose photos are looked at.
        lease: seconds that a lease lasts; `LEASE` unless given.
    """

    def __init__(
        self, location: Location, roots: Sequence[str], lease: float | None = None
    ) -> None:
        self.lease = LEASE if lease is None else lease
        self._database = Database(location, durable=False, met=True)
        self._me = uuid4()
        self._done = 0
        self._in_hand: set[bytes] = set()
        places = [os.fsencode(root) for root in roots]
        below = [(place.rstrip(b"/") + b"/", place.rstrip(b"/") + b"0") for place in places]
        parts = ["path = %b"] * len(places) + ["(path > %b AND path < %b)"] * len(below)
        self._mine = f"({' OR '.join(parts)})"
        self._places: tuple[Any, ...] = (*places, *(end for ends in below for end in ends))

    def put(self, stamps: Iterable[FileStamp], *, retry: bool) -> None:
        """Put files on the list, where the catalog does not hold them just so."""
        told = list(stamps)
        for start in range(0, len(told), _AT_ONCE):
            some = told[start : start + _AT_ONCE]
            paths = [os.fsencode(stamp.path) for stamp in some]
            sizes = [stamp.size for stamp in some]
            times = [stamp.mtime_ns for stamp in some]
            self._database.run(_PUT, paths, sizes, times, retry)

    def take(self, *, tried: bool) -> Job | None:
        """A photo that nobody looks at, under a lease; None where there is none just now."""
        statement = _TAKE.format(free=_TRIED if tried else _FRESH, mine=self._mine)
        found = self._database.run(statement, self._me, self.lease, *self._places)
        if not found:
            return None
        ((path, size, mtime_ns, attempts, is_done),) = found
        self._in_hand.add(path)
        return Job(FileStamp(os.fsdecode(path), size, mtime_ns), attempts, is_done)

    def finish(self, stamp: FileStamp) -> None:
        """Take a photo off the list, unless another has it meanwhile."""
        self._done += 1
        path = os.fsencode(stamp.path)
        self._database.run("DELETE FROM jobs WHERE path = %b AND sharer = %s", path, self._me)
        self._in_hand.discard(path)

    def put_back(self, stamp: FileStamp) -> None:
        """Let another have a photo, as if it had not been tried."""
        path = os.fsencode(stamp.path)
        self._database.run(
            "UPDATE jobs SET sharer = NULL, leased_until = NULL, attempts = 0"
            " WHERE path = %b AND sharer = %s",
            path,
            self._me,
        )
        self._in_hand.discard(path)

    def renew(self) -> None:
        """Renew all leases, and say that this process is there."""
        host, pid, held = socket.gethostname(), os.getpid(), list(self._in_hand)
        self._database.run(_RENEW, self._me, host, pid, self._done, self.lease, self._me, held)

    def leave(self) -> None:
        """Put back all that is in hand, with the attempt taken back, and leave the list."""
        self._database.run(
            "UPDATE jobs SET attempts = attempts - 1, sharer = NULL,"
            " leased_until = CASE WHEN attempts > 1 THEN clock_timestamp() END WHERE sharer = %s",
            self._me,
        )
        self._database.run(
            "DELETE FROM sharers WHERE id = %s OR seen < clock_timestamp() - interval '1 day'",
            self._me,
        )
        self._database.close()

    def left(self) -> int:
        """Number of photos of these folders on the list."""
        statement = f"SELECT count(*) FROM jobs WHERE {self._mine}"
        ((count,),) = self._database.run(statement, *self._places)
        return int(count)


def sharers_of(database: Database) -> list[Sharer]:
    """The processes that share the list of photos to be looked at, the eldest first."""
    with database.reading() as connection:
        found = fetched(
            connection,
            "SELECT host, pid, since, done,"
            " (SELECT count(*) FROM jobs WHERE sharer = s.id AND leased_until > clock_timestamp()),"
            " extract(epoch FROM clock_timestamp() - seen)::double precision"
            " FROM sharers AS s ORDER BY since",
        )
    return [
        Sharer(host, pid, since.astimezone(UTC).isoformat(timespec="seconds"), done, held, heard)
        for host, pid, since, done, held, heard in found
    ]
