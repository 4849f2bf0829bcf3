"""A list of photos that several processes look at together, each under a lease."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from indexer.catalog.records import FileStamp

LEASE = 60.0
"""Seconds after which a photo is another's, whose process has not been heard of."""
MOST_ATTEMPTS = 3
"""Attempts after which a photo is skipped: each time, whoever looked at it was heard of no more."""


@dataclass(frozen=True)
class Job:
    """A photo that this process looks at, until its lease ends.

    Attributes:
        stamp: the file as it was when it was found.
        attempts: number of attempts so far, this one among them.
        is_done: whether the catalog holds the file just so already.
    """

    stamp: FileStamp
    attempts: int
    is_done: bool


@dataclass(frozen=True)
class Sharer:
    """A process that looks at photos of a list.

    Attributes:
        host: name of its machine.
        pid: number of the process there.
        since: time at which it began, ISO 8601 with time zone.
        done: number of photos that it has looked at.
        in_hand: number of photos that it looks at now.
        heard: seconds since it was last heard of.
    """

    host: str
    pid: int
    since: str
    done: int
    in_hand: int
    heard: float


class JobList(ABC):
    """Photos of some folders that wait to be looked at, for one of the processes that share them.

    A lease ends by the server's clock unless it is renewed. An attempt is counted when the lease is
    taken, before the photo is opened: one that ends whoever opens it is not tried for ever.

    Attributes:
        lease: seconds that a lease lasts.

    Raises (every method):
        StorageError: the server cannot be asked.
    """

    lease: float

    @abstractmethod
    def put(self, stamps: Iterable[FileStamp], *, retry: bool) -> None:
        """Put files on the list; those that are on it, and those that the catalog holds just so,
        are passed over.

        Args:
            stamps: files as they were found.
            retry: whether files that were skipped just so are put on the list.
        """

    @abstractmethod
    def take(self, *, tried: bool) -> Job | None:
        """A photo that nobody looks at, under a lease; None where there is none just now.

        Args:
            tried: whether it is one of those that somebody was looking at whose lease ended.
        """

    @abstractmethod
    def finish(self, stamp: FileStamp) -> None:
        """Take a photo off the list that was looked at."""

    @abstractmethod
    def put_back(self, stamp: FileStamp) -> None:
        """Let another have a photo, as if it had not been tried."""

    @abstractmethod
    def renew(self) -> None:
        """Renew all leases, and say that this process is there."""

    @abstractmethod
    def leave(self) -> None:
        """Put back all that is in hand, and be no more one of those who share the list."""

    @abstractmethod
    def left(self) -> int:
        """Number of photos of these folders on the list."""
