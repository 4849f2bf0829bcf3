"""Work of an indexing run: the photos that this process looks at, and when it has seen all."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Self

from indexer.catalog.job_list import MOST_ATTEMPTS, Job, JobList
from indexer.catalog.records import FileStamp
from indexer.workers.pipeline import Outcome
from model.errors import PhotoUnreadable, StorageError, shown

SECONDS_BETWEEN = 0.5  # two looks for photos that others have let go of
_TOLD_EVERY = 2.0  # seconds


class Work(ABC):
    """Photos to be looked at, handed out in rounds; a context manager.

    Attributes:
        ahead: number of photos of a round that are handed out before the first is finished.
        others: number of photos that other processes are known to have finished meanwhile.
    """

    ahead: int | None = None
    others: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    @abstractmethod
    def let_go(self) -> None:
        """Put back what is in hand."""

    @abstractmethod
    def rounds(self) -> Iterator[Iterator[FileStamp]]:
        """Rounds of photos; each ends before the next begins, and after the last all is done."""

    @abstractmethod
    def finish(self, stamp: FileStamp, left: Sequence[FileStamp]) -> None:
        """Note that a photo is stored or skipped.

        Args:
            stamp: file that was looked at.
            left: files that are to be looked at because of what it came to, itself perhaps.
        """

    def given_up(self) -> Sequence[tuple[FileStamp, Outcome]]:
        """Photos that are skipped without a look, since the round before."""
        return ()


class OwnWork(Work):
    """All photos of a plan, looked at by this process alone.

    Args:
        stamps: the files.
    """

    def __init__(self, stamps: Sequence[FileStamp]) -> None:
        self._left = list(stamps)

    def let_go(self) -> None:
        """Nothing: whoever comes next finds out what is left."""

    def rounds(self) -> Iterator[Iterator[FileStamp]]:
        """All photos; then what is left of them, until nothing is."""
        while self._left:
            now, self._left = self._left, []
            yield iter(now)

    def finish(self, stamp: FileStamp, left: Sequence[FileStamp]) -> None:
        """Put what is left into the next round."""
        self._left += left


class SharedWork(Work):
    """Photos of a list that several processes share, each under a lease while it is looked at.

    One whose lease ended was in somebody's hand who is gone, and may be why. It is looked at alone,
    so that no other photo is blamed for it.

    Args:
        jobs: the list.
        stamps: files that this process found to be new; others may have put them there already.
        at_once: number of photos that are looked at side by side.
        retry: whether photos that were skipped before are looked at again.
        told: function that is told now and then how many photos of the list others have finished.
    """

    def __init__(
        self,
        jobs: JobList,
        stamps: Sequence[FileStamp],
        *,
        at_once: int,
        retry: bool = False,
        told: Callable[[int], None] = lambda others: None,
    ) -> None:
        self.ahead = at_once + 1  # one is at hand when another is done
        self._jobs, self._stamps, self._retry, self._told = jobs, stamps, retry, told
        self._given_up: list[tuple[FileStamp, Outcome]] = []
        self._finished = self._total = 0
        self._told_at = 0.0
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="leases", daemon=True)

    def __enter__(self) -> Self:
        self._jobs.renew()
        self._jobs.put(self._stamps, retry=self._retry)
        self._total = self._jobs.left()
        self._heart.start()
        return self

    def let_go(self) -> None:
        """Put back what is in hand, and be no more one of those who share the list."""
        self._ended.set()
        self._heart.join()
        with suppress(StorageError):  # then the leases end by themselves
            self._jobs.leave()

    def rounds(self) -> Iterator[Iterator[FileStamp]]:
        """Photos that nobody tried, then one by one those of which nobody was heard any more; until
        none is left that anybody has in hand."""
        while True:
            before = self._finished
            yield self._untried()
            yield self._tried()
            self._tell()
            if self._finished > before:
                continue
            if not self._jobs.left():
                return
            time.sleep(SECONDS_BETWEEN)

    def finish(self, stamp: FileStamp, left: Sequence[FileStamp]) -> None:
        """Take a photo off the list, and put on it what is left."""
        self._finished += 1
        if stamp in left:
            self._jobs.put_back(stamp)
        else:
            self._jobs.finish(stamp)
        if others := [each for each in left if each != stamp]:
            self._jobs.put(others, retry=True)
        if time.monotonic() - self._told_at > _TOLD_EVERY:
            self._tell()

    def given_up(self) -> Sequence[tuple[FileStamp, Outcome]]:
        """Photos that ended whoever looked at them, as often as is allowed."""
        given_up, self._given_up = self._given_up, []
        return given_up

    def _untried(self) -> Iterator[FileStamp]:
        while (job := self._jobs.take(tried=False)) is not None:
            if job.is_done:
                self._jobs.finish(job.stamp)
            else:
                yield job.stamp

    def _tried(self) -> Iterator[FileStamp]:
        """One photo, which is then in hand alone."""
        while (job := self._jobs.take(tried=True)) is not None:
            if job.is_done:
                self._jobs.finish(job.stamp)
            elif job.attempts > MOST_ATTEMPTS:
                self._given_up.append((job.stamp, _given_up(job)))
                self._finished += 1
                return
            else:
                yield job.stamp
                return

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        left = self._jobs.left()
        self._total = max(self._total, self._finished + left)
        self.others = max(0, self._total - left - self._finished)
        self._told(self.others)

    def _beat(self) -> None:
        while not self._ended.wait(self._jobs.lease / 4):
            with suppress(StorageError):  # a server that is away is waited for by who stores
                self._jobs.renew()


def _given_up(job: Job) -> Outcome:
    """Outcome of a photo that is not tried any more."""
    path = job.stamp.path
    reason = (
        f"{shown(path)} was in hand when its process ended, {MOST_ATTEMPTS} times over: try it"
        " again with `retry=True`"
    )
    return Outcome(path, kind=PhotoUnreadable.__name__, reason=reason)
