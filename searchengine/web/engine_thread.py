"""EngineThread: the one thread that owns the engine and its models, fair to all who ask."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from model.errors import SegsearchError, ServerBusy, Superseded
from searchengine.engine import SearchEngine

MOST_WAITING = 16
MOST_LATER = 64
Result = TypeVar("Result")
Steps = Generator[None, None, None]
"""Work in steps, each of some milliseconds."""


@dataclass(eq=False)
class _Question:
    client: str
    deed: Callable[[SearchEngine], Any]
    newest_only: bool
    answer: Future[Any] = field(default_factory=Future)


class EngineThread:
    """Questions to an engine, answered one at a time by one thread.

    Clients take turns, whatever each of them asks. A client's newer question that is the newest
    only takes the place of its older ones, waiting or running. While nobody asks, the thread does
    what was left for later, step by step.

    Args:
        engine: engine that answers.
        most_waiting: questions that may wait.
    """

    def __init__(self, engine: SearchEngine, most_waiting: int = MOST_WAITING) -> None:
        self._engine = engine
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[_Question]] = OrderedDict()
        self._running: _Question | None = None
        self._later: OrderedDict[str, Steps] = OrderedDict()
        self._stopped = False
        self._loading = True
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def loading(self) -> bool:
        """Whether models and vectors are still being loaded; questions wait for that."""
        return self._loading

    @property
    def waiting(self) -> int:
        """Number of questions that wait."""
        with self._changed:
            return self._count()

    def start(self) -> None:
        """Begin to load the models, then to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing more; returns when the thread has ended."""
        with self._changed:
            self._stopped = True
            for some in self._waiting.values():
                for question in some:
                    _refuse(question, ServerBusy("the server ends", "ask again when it is back"))
            self._waiting.clear()
            self._changed.notify()
        self._thread.join()

    async def ask(
        self,
        client: str,
        deed: Callable[[SearchEngine], Result],
        *,
        newest_only: bool = False,
    ) -> Result:
        """The deed's result, done by the thread that owns the engine.

        Args:
            client: name of who asks; turns are by client.
            deed: work on the engine.
            newest_only: whether it takes the place of the client's older questions of that kind.

        Raises:
            ServerBusy: too many wait already.
            Superseded: a newer question of the client took the place of this one.
        """
        question = _Question(client, deed, newest_only)
        with self._changed:
            if self._stopped:
                raise ServerBusy("the server ends", "ask again when it is back")
            if newest_only:
                self._supersede(client)
            if self._count() >= self._most_waiting:
                raise ServerBusy(f"{self._count()} questions wait already", "ask again in a while")
            self._waiting.setdefault(client, deque()).append(question)
            self._changed.notify()
        try:
            return cast(Result, await asyncio.wrap_future(question.answer))
        except asyncio.CancelledError:
            self._forget(question)
            raise

    def later(self, name: str, steps: Steps) -> None:
        """Do some work whenever nobody asks; in place of unfinished work of the same name."""
        with self._changed:
            self._later.pop(name, None)
            self._later[name] = steps
            while len(self._later) > MOST_LATER:
                self._later.popitem(last=False)
            self._changed.notify()

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _supersede(self, client: str) -> None:
        error = Superseded("a newer question took the place of this one", "heed its answer alone")
        queue = self._waiting.get(client, deque())
        for question in [q for q in queue if q.newest_only]:
            queue.remove(question)
            _refuse(question, error)
        if not queue:
            self._waiting.pop(client, None)
        running = self._running
        if running is not None and running.client == client and running.newest_only:
            _refuse(running, error)

    def _forget(self, question: _Question) -> None:
        """Drop a question that nobody waits for any more."""
        with self._changed:
            queue = self._waiting.get(question.client)
            if queue is not None and question in queue:
                queue.remove(question)
                if not queue:
                    del self._waiting[question.client]

    def _run(self) -> None:
        with suppress(SegsearchError):  # whoever asks is told
            self._engine.load()
        self._loading = False
        while (deed := self._next()) is not None:
            deed()
        self._engine.close()

    def _next(self) -> Callable[[], None] | None:
        """What is to be done now; None at the end. Waits until there is something."""
        with self._changed:
            while not self._stopped:
                if self._waiting:
                    client, queue = self._waiting.popitem(last=False)
                    question = queue.popleft()
                    if queue:  # behind all other clients
                        self._waiting[client] = queue
                    self._running = question
                    return lambda: self._answer(question)
                if self._later:
                    name, steps = next(iter(self._later.items()))
                    return lambda: self._step(name, steps)
                self._changed.wait()
        return None

    def _answer(self, question: _Question) -> None:
        try:
            result = question.deed(self._engine)
        except BaseException as error:
            _refuse(question, error)
        else:
            with suppress(Exception):  # superseded, or nobody waits any more
                question.answer.set_result(result)
        with self._changed:
            self._running = None

    def _step(self, name: str, steps: Steps) -> None:
        try:
            next(steps)
        except (StopIteration, SegsearchError):
            with self._changed:
                if self._later.get(name) is steps:
                    del self._later[name]


def _refuse(question: _Question, error: BaseException) -> None:
    with suppress(Exception):  # answered, or nobody waits any more
        question.answer.set_exception(error)
