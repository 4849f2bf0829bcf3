"""Streaming: items pass through steps that work side by side, a few of them at any time.

Each step has threads of its own and a short queue before it, so the slowest sets the pace and
quick ones wait for it: what is held in memory does not grow with the number of items.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Generic, TypeVar, cast

T = TypeVar("T")
WAITING = 4  # items that wait before a step
_POLL = 0.05  # seconds after which who waits looks whether all is over
_END = object()


@dataclass(frozen=True)
class Step(Generic[T]):
    """A step of the stream.

    Attributes:
        name: name of the threads that do it.
        work: maps a list of items, in place or to others, one for each.
        batch: items that it is given together, where so many wait.
        at_once: threads that do it side by side.
    """

    name: str
    work: Callable[[list[T]], list[T]]
    batch: int = 1
    at_once: int = 1


def stream(items: Iterable[T], steps: Sequence[Step[T]]) -> Generator[T, None, None]:
    """Items as they come out of the last step, which may be in another order.

    The items are taken from `items` in a thread, no sooner than they are needed. What a step or
    `items` raises is raised here, once; then, and when the iterator is closed, all threads end
    after what they are just doing.
    """
    flow = _Flow[T](steps)
    threads = [Thread(target=flow.feed, args=(items,), name="feed", daemon=True)]
    for number, step in enumerate(steps):
        threads += [
            Thread(target=flow.run, args=(number,), name=step.name, daemon=True)
            for _ in range(step.at_once)
        ]
    for thread in threads:
        thread.start()
    try:
        yield from flow.results()
    finally:
        flow.over.set()
        for thread in threads:
            thread.join()
    if flow.error is not None:
        raise flow.error


class _Flow(Generic[T]):
    def __init__(self, steps: Sequence[Step[T]]) -> None:
        self.over, self.error = Event(), cast(BaseException | None, None)
        self._steps = steps
        # room for what the step behind takes and the step before gives at once: neither waits
        # for the other where one of them does many together
        sizes = [0, *(step.batch * step.at_once for step in steps), 0]
        self._queues = [Queue[object](maxsize=max(WAITING, *both)) for both in pairwise(sizes)]
        self._working = [step.at_once for step in steps]
        self._lock = Lock()

    def feed(self, items: Iterable[T]) -> None:
        """Put the items into the first queue."""
        try:
            for item in items:
                if not self._put(0, item):
                    return
            self._put(0, _END)
        except BaseException as error:  # also of `items`, which is the caller's
            self._fail(error)

    def run(self, number: int) -> None:
        """Do one step until the items end; the last of its threads tells the next step so."""
        step = self._steps[number]
        try:
            while (batch := self._batch(number, step.batch)) is not None:
                for item in step.work(batch):
                    if not self._put(number + 1, item):
                        return
        except BaseException as error:
            self._fail(error)
            return
        with self._lock:
            self._working[number] -= 1
            last = self._working[number] == 0
        self._put(number + 1 if last else number, _END)  # one end for all threads of a step

    def results(self) -> Iterator[T]:
        """What the last step gives."""
        while (item := self._get(len(self._steps))) is not _END and not self.over.is_set():
            yield cast(T, item)

    def _batch(self, number: int, most: int) -> list[T] | None:
        """The next items of a step; None when there are no more."""
        item = self._get(number)
        if item is _END:
            return None
        batch = [cast(T, item)]
        with suppress(Empty):
            while len(batch) < most:
                item = self._queues[number].get_nowait()
                if item is _END:
                    self._put(number, _END)
                    break
                batch.append(cast(T, item))
        return batch

    def _get(self, number: int) -> object:
        while not self.over.is_set():
            with suppress(Empty):
                return self._queues[number].get(timeout=_POLL)
        return _END

    def _put(self, number: int, item: object) -> bool:
        while not self.over.is_set():
            with suppress(Full):
                self._queues[number].put(item, timeout=_POLL)
                return True
        return False

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self.error = self.error or error
        self.over.set()
