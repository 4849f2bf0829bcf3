"""WorkerPool: worker processes, and the photos handed out to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from queue import Empty, SimpleQueue

from indexer.workers.pipeline import Known, Outcome
from indexer.workers.turns import Turns
from indexer.workers.worker import WorkerConfig
from indexer.workers.worker_process import Ending, WorkerEnded, WorkerProcess, worker_environment
from model.errors import SegsearchError, WorkerKilled, shown

TRIES = 2  # of a photo that ends its worker
STARTS = 3  # of a worker that ends before its first photo
LEAST_PATIENCE = 600.0  # seconds for a photo


class WorkerPool:
    """`jobs` worker processes of `threads` each, started when the first photo comes.

    Each looks at `together` photos at a time, fewer where few are left. A worker that dies over a
    photo is replaced and the photo tried once more; if it ends the next one too, it is skipped.
    So is one that takes longer than `patience` seconds, at once. Where photos that are looked at
    together end a worker or its patience, they are looked at again one by one.

    A worker that the system kills has mostly met the end of the memory, which all workers share:
    its photo is tried again while no other worker works and, where that goes well, there is one
    worker fewer from then on. A worker that cannot be started any more hands its photos to the
    others; only the last one ends the run.

    What `known` tells of the pixels of photos is asked for by any thread; photos that are known are
    read, but not looked at.

    Use as a context manager: leaving it ends the workers, whatever they are doing.
    """

    def __init__(
        self,
        config: WorkerConfig,
        jobs: int,
        threads: int = 1,
        *,
        together: int = 1,
        patience: float = LEAST_PATIENCE,
        known: Known = lambda digests: [False] * len(digests),
    ) -> None:
        self._config = config
        self._known = known
        self._together = together
        self._environment = worker_environment(threads)
        self._patience = patience
        self._paths: SimpleQueue[str | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        # outcomes wait in memory: no worker gets ahead of who stores them by more than this
        self._room = threading.Semaphore(3 * jobs * together)
        self._turns = Turns()
        self._lock = threading.Lock()  # of the three that follow
        self._closing = False
        self._running: set[WorkerProcess] = set()
        self._serving = jobs
        self._starved: set[int] = set()  # workers whose photo went well once it was alone
        self._seats: list[WorkerProcess | None] = [None] * jobs  # each one thread's own
        self._threads = [
            threading.Thread(target=self._run_one, args=(number,), daemon=True)
            for number in range(jobs)
        ]

    def __enter__(self) -> WorkerPool:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._closing = True
            for worker in self._running:
                worker.kill()
        self._turns.end()
        for _ in self._threads:
            self._paths.put(None)
            self._room.release()
        for thread in self._threads:
            thread.join()

    @property
    def jobs(self) -> int:
        """Workers that the pool began with."""
        return len(self._seats)

    @property
    def at_once(self) -> int:
        """Photos that are looked at side by side."""
        return len(self._seats) * self._together

    @property
    def given_up(self) -> int:
        """Workers that were given up because memory was short or they could not be started."""
        with self._lock:
            return len(self._seats) - self._serving

    def look_at(self, paths: Iterable[str], *, ahead: int | None = None) -> Iterator[Outcome]:
        """The outcome of every path, in the order in which they are ready.

        Args:
            paths: the photos.
            ahead: number of photos that are taken from `paths` before the first outcome is given;
                then one for each that was. All unless given.

        Raises:
            SegsearchError: the workers cannot start (a preset without its weights), or the models
                fail whatever they look at.
        """
        waiting = iter(paths)
        handed = self._hand_out(waiting, ahead)
        while handed:
            outcome = self._outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
            self._room.release()
            handed += self._hand_out(waiting, 1) - 1

    def _hand_out(self, paths: Iterator[str], most: int | None) -> int:
        """Hand out so many of the photos at most; returns how many there were."""
        count = 0
        for path in islice(paths, most):
            self._paths.put(path)
            count += 1
        return count

    def _run_one(self, number: int) -> None:
        """Keep the worker of that number busy."""
        left: list[str] = []
        try:
            while left := self._take():
                for outcome in self._looked_at(number, left):
                    self._outcomes.put(outcome)
                    left = left[1:]
                if number in self._starved and self._retire():
                    return
        except _NotStarted as error:
            if not self._retire():
                self._outcomes.put(error.told)
                return
            for path in left:
                self._room.release()  # who takes it asks for it again
                self._paths.put(path)
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            worker = self._seats[number]
            if worker is not None:
                worker.end()
                self._forget(number)

    def _take(self) -> list[str]:
        """Photos to be looked at together, waited for; none when it is over."""
        taken: list[str] = []
        share = 1
        while len(taken) < share:
            if not self._room.acquire(blocking=not taken):
                break
            try:
                path = self._paths.get(block=not taken)
            except Empty:
                self._room.release()
                break
            if path is None or self._closing:
                return []
            if not taken:  # no worker waits while another has more than one in hand
                share = min(self._together, 1 + self._paths.qsize() // len(self._seats))
            taken.append(path)
        return taken

    def _looked_at(self, number: int, paths: Sequence[str]) -> Iterator[Outcome]:
        """The outcomes of photos, in their order, by the worker of that number."""
        if len(paths) > 1:
            try:
                outcomes = self._ask(number, paths)
            except WorkerEnded:  # one of them did it
                for path in paths:
                    yield self._alone(number, path)
            else:
                yield from outcomes
            return
        yield self._alone(number, paths[0])

    def _alone(self, number: int, path: str) -> Outcome:
        """The outcome of one photo, which may end its worker."""
        killed = False
        for _ in range(TRIES):
            try:
                (outcome,) = self._ask(number, [path], alone=killed)
            except WorkerEnded as ended:
                end = ended.ending
            else:
                if killed:
                    self._starved.add(number)
                return outcome
            if end.late:
                break
            killed = end.killed
        return _blamed(path, end, self._patience)

    def _ask(self, number: int, paths: Sequence[str], *, alone: bool = False) -> list[Outcome]:
        """The outcomes of photos that are looked at together; WorkerEnded where their worker dies.

        Args:
            number: number of the worker, which is started where it is not running.
            paths: the photos.
            alone: whether no other worker works meanwhile.
        """
        with self._turns.turn(alone=alone):
            worker = self._worker(number)
            try:
                return worker.ask(paths, self._patience * len(paths), self._known)
            except WorkerEnded:
                self._forget(number)
                raise

    def _worker(self, number: int) -> WorkerProcess:
        """The worker of that number, loaded."""
        worker = self._seats[number]
        if worker is not None:
            return worker
        for _ in range(STARTS):
            worker = self._started(number)
            try:
                worker.load()
            except WorkerEnded as ended:
                self._forget(number)
                end = ended.ending
            else:
                return worker
        raise _NotStarted(end)

    def _started(self, number: int) -> WorkerProcess:
        with self._lock:
            if self._closing:
                raise SegsearchError("the pool is closing")
            worker = WorkerProcess(replace(self._config, worker=number), self._environment)
            self._running.add(worker)
        self._seats[number] = worker
        return worker

    def _retire(self) -> bool:
        """Give up a worker, unless it is the last one; whether that was done."""
        with self._lock:
            if self._serving == 1 or self._closing:
                return False
            self._serving -= 1
            return True

    def _forget(self, number: int) -> None:
        worker, self._seats[number] = self._seats[number], None
        if worker is not None:
            with self._lock:
                self._running.discard(worker)


class _NotStarted(Exception):
    """A worker ended before its first photo, again and again."""

    def __init__(self, end: Ending) -> None:
        super().__init__(str(end))
        advice = "free some memory, or take `jobs=1`" if end.killed else "see the lines above"
        self.told = SegsearchError(
            f"a worker process ended before its first photo ({end})",
            f"{advice}, or run segsearch doctor",
        )


def _blamed(path: str, end: Ending, patience: float) -> Outcome:
    """Outcome of a photo that ended its worker each time."""
    if end.killed:
        reason = (
            f"the system ended the process that looks at {shown(path)} ({end}), most likely"
            " because memory ran out: free some, or index again with `jobs=1`"
        )
        return Outcome(path, kind=WorkerKilled.__name__, reason=reason)
    told = f"ends the process that looks at it ({end})"
    if end.late:
        told = f"took longer than {patience:g} s to look at"
    reason = f"{shown(path)} {told}: try it again with `retry=True`"
    return Outcome(path, kind="PhotoUnreadable", reason=reason)
