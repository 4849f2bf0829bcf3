"""WorkerPool: worker processes, and the items of a task handed out to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Generic, cast

from indexer.workers.turns import Turns
from indexer.workers.worker import Start
from indexer.workers.worker_process import Ending, WorkerEnded, WorkerProcess, worker_environment
from model.errors import SegsearchError
from model.task import Answer, Ask, Fate, Item, Task, nobody_knows

TRIES = 2  # of an item that ends its worker
STARTS = 3  # of a worker that ends before its first item
LEAST_PATIENCE = 600.0  # seconds for an item
_END = object()


class WorkerPool(Generic[Item, Answer]):
    """`jobs` worker processes of `threads` each, started when the first item comes.

    Each does `together` items at a time, fewer where few are left. A worker that dies over an
    item is replaced and the item tried once more; if it ends the next one too, it is lost.
    So is one that takes longer than `patience` seconds, at once. Where items that are done
    together end a worker or its patience, they are done again one by one.

    A worker that the system kills has mostly met the end of the memory, which all workers share:
    its item is tried again while no other worker works and, where that goes well, there is one
    worker fewer from then on. A worker that cannot be started any more hands its items to the
    others; only the last one ends the run.

    What the task asks meanwhile `answer` is asked for, by any thread.

    Use as a context manager: leaving it ends the workers, whatever they are doing.
    """

    def __init__(
        self,
        task: Task[Item, Answer],
        jobs: int,
        threads: int = 1,
        *,
        together: int = 1,
        patience: float = LEAST_PATIENCE,
        answer: Ask = nobody_knows,
    ) -> None:
        self._task = task
        self._answer = answer
        self._together = together
        self._environment = worker_environment(threads)
        self._patience = patience
        self._items: SimpleQueue[Item | object] = SimpleQueue()
        self._answers: SimpleQueue[Answer | BaseException] = SimpleQueue()
        # answers wait in memory: no worker gets ahead of who stores them by more than this
        self._room = threading.Semaphore(3 * jobs * together)
        self._turns = Turns()
        self._lock = threading.Lock()  # of the three that follow
        self._closing = False
        self._running: set[WorkerProcess] = set()
        self._serving = jobs
        self._starved: set[int] = set()  # workers whose item went well once it was alone
        self._seats: list[WorkerProcess | None] = [None] * jobs  # each one thread's own
        self._threads = [
            threading.Thread(target=self._run_one, args=(number,), daemon=True)
            for number in range(jobs)
        ]

    def __enter__(self) -> WorkerPool[Item, Answer]:
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
            self._items.put(_END)
            self._room.release()
        for thread in self._threads:
            thread.join()

    @property
    def jobs(self) -> int:
        """Workers that the pool began with."""
        return len(self._seats)

    @property
    def at_once(self) -> int:
        """Items that are done side by side."""
        return len(self._seats) * self._together

    @property
    def given_up(self) -> int:
        """Workers that were given up because memory was short or they could not be started."""
        with self._lock:
            return len(self._seats) - self._serving

    def do(self, items: Iterable[Item], *, ahead: int | None = None) -> Iterator[Answer]:
        """The answer of every item, in the order in which they are ready.

        Args:
            items: the items.
            ahead: number of items that are taken before the first answer is given; then one for
                each that was. All unless given.

        Raises:
            SegsearchError: the workers cannot start (a preset without its weights), or the task
                fails whatever the item.
        """
        waiting = iter(items)
        handed = self._hand_out(waiting, ahead)
        while handed:
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer
            yield answer
            self._room.release()
            handed += self._hand_out(waiting, 1) - 1

    def _hand_out(self, items: Iterator[Item], most: int | None) -> int:
        """Hand out so many of the items at most; returns how many there were."""
        count = 0
        for item in islice(items, most):
            self._items.put(item)
            count += 1
        return count

    def _run_one(self, number: int) -> None:
        """Keep the worker of that number busy."""
        left: list[Item] = []
        try:
            while left := self._take():
                for answer in self._done(number, left):
                    self._answers.put(answer)
                    left = left[1:]
                if number in self._starved and self._retire():
                    return
        except _NotStarted as error:
            if not self._retire():
                self._answers.put(error.told)
                return
            for item in left:
                self._room.release()  # who takes it asks for it again
                self._items.put(item)
        except BaseException as error:
            self._answers.put(error)
        finally:
            worker = self._seats[number]
            if worker is not None:
                worker.end()
                self._forget(number)

    def _take(self) -> list[Item]:
        """Items to be done together, waited for; none when it is over."""
        taken: list[Item] = []
        share = 1
        while len(taken) < share:
            if not self._room.acquire(blocking=not taken):
                break
            try:
                item = self._items.get(block=not taken)
            except Empty:
                self._room.release()
                break
            if item is _END or self._closing:
                return []
            if not taken:  # no worker waits while another has more than one in hand
                share = min(self._together, 1 + self._items.qsize() // len(self._seats))
            taken.append(cast(Item, item))
        return taken

    def _done(self, number: int, items: Sequence[Item]) -> Iterator[Answer]:
        """The answers of items, in their order, by the worker of that number."""
        if len(items) > 1:
            try:
                answers = self._ask(number, items)
            except WorkerEnded:  # one of them did it
                for item in items:
                    yield self._alone(number, item)
            else:
                yield from answers
            return
        yield self._alone(number, items[0])

    def _alone(self, number: int, item: Item) -> Answer:
        """The answer of one item, which may end its worker."""
        killed = False
        for _ in range(TRIES):
            try:
                (answer,) = self._ask(number, [item], alone=killed)
            except WorkerEnded as ended:
                end = ended.ending
            else:
                if killed:
                    self._starved.add(number)
                return answer
            if end.late:
                break
            killed = end.killed
        ending = "" if end.late else str(end)
        return self._task.lost(item, Fate(ending, end.killed, self._patience))

    def _ask(self, number: int, items: Sequence[Item], *, alone: bool = False) -> list[Answer]:
        """The answers of items that are done together; WorkerEnded where their worker dies.

        Args:
            number: number of the worker, which is started where it is not running.
            items: the items.
            alone: whether no other worker works meanwhile.
        """
        with self._turns.turn(alone=alone):
            worker = self._worker(number)
            try:
                return worker.do(items, self._patience * len(items), self._answer)
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
            worker = WorkerProcess(Start(self._task, number), self._environment)
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
    """A worker ended before its first item, again and again."""

    def __init__(self, end: Ending) -> None:
        super().__init__(str(end))
        advice = "free some memory, or take `jobs=1`" if end.killed else "see the lines above"
        self.told = SegsearchError(
            f"a worker process ended before its first item ({end})",
            f"{advice}, or run segsearch doctor",
        )
