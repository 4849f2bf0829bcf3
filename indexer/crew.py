"""Crew: worker processes, and the photos handed out to them."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from indexer.worker import Order, Outcome, receive, send
from model.errors import SegsearchError, shown

TRIES = 2
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Crew:
    """`jobs` worker processes, one thread each.

    A worker that dies over a photo is replaced and the photo tried once more; if it kills the
    next one too, it is skipped. So is one that takes longer than `patience` seconds.

    Use as a context manager: leaving it ends the workers.
    """

    def __init__(self, order: Order, jobs: int, patience: float = 600.0) -> None:
        self._order = order
        self._jobs = jobs
        self._patience = patience
        self._paths: queue.Queue[str | None] = queue.Queue(maxsize=2 * jobs)
        self._outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Crew:
        for _ in range(self._jobs):
            thread = threading.Thread(target=self._run_one, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for worker in tuple(self._running):
            worker.kill()
        for _ in self._threads:
            self._offer(None)
        for thread in self._threads:
            thread.join()

    def look_at(self, paths: Iterable[str]) -> Iterator[Outcome]:
        """The outcome of every path, in the order in which they are ready.

        Raises:
            SegsearchError: the workers cannot start (a preset without its weights).
        """
        feeder = threading.Thread(target=self._feed, args=(paths,), daemon=True)
        feeder.start()
        self._threads.append(feeder)
        idle = 0
        while idle < self._jobs:
            outcome = self._outcomes.get()
            if outcome is None:
                idle += 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                yield outcome

    def _feed(self, paths: Iterable[str]) -> None:
        try:
            for path in paths:
                if self._closing.is_set():
                    return
                self._offer(path)
            for _ in range(self._jobs):
                self._offer(None)
        except BaseException as error:
            self._outcomes.put(error)

    def _offer(self, path: str | None) -> None:
        while True:
            try:
                return self._paths.put(path, timeout=0.2)
            except queue.Full:
                if self._closing.is_set():
                    return

    def _run_one(self) -> None:
        """Keep one worker busy, and replace it when it dies."""
        worker: subprocess.Popen[bytes] | None = None
        try:
            while (path := self._paths.get()) is not None and not self._closing.is_set():
                for attempt in range(TRIES):
                    worker = worker or self._start()
                    outcome = self._ask(worker, path)
                    if isinstance(outcome, Outcome):
                        self._outcomes.put(outcome)
                        break
                    worker = self._end(worker)
                    if attempt == TRIES - 1 and not self._closing.is_set():
                        self._outcomes.put(Outcome(path, kind="PhotoUnreadable", reason=outcome))
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            if worker is not None:
                self._end(worker)
            self._outcomes.put(None)

    def _start(self) -> subprocess.Popen[bytes]:
        home = str(Path(__file__).resolve().parent.parent)
        environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
        # -P: a folder named model/ in the current directory must not hide ours
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (home, os.environ.get("PYTHONPATH")))
        )
        worker = subprocess.Popen(
            [sys.executable, "-P", "-c", "from indexer.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._running.add(worker)
        send(cast(BinaryIO, worker.stdin), self._order)
        try:
            refusal = receive(cast(BinaryIO, worker.stdout))
        except EOFError as error:
            self._end(worker)
            raise SegsearchError(
                "a worker process ended before its first photo",
                "see the lines above, or run segsearch doctor",
            ) from error
        if refusal is not None:
            self._end(worker)
            raise refusal
        return worker

    def _ask(self, worker: subprocess.Popen[bytes], path: str) -> Outcome | str:
        """The outcome, or how the worker ended over it."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            worker.kill()

        timer = threading.Timer(self._patience, give_up)
        timer.daemon = True
        timer.start()
        try:
            send(cast(BinaryIO, worker.stdin), path)
            return cast(Outcome, receive(cast(BinaryIO, worker.stdout)))
        except (EOFError, OSError):
            if late.is_set():
                return f"{shown(path)} took longer than {self._patience:.0f} s to look at"
            return f"{shown(path)} ends the process that looks at it ({_ending(worker)})"
        finally:
            timer.cancel()

    def _end(self, worker: subprocess.Popen[bytes]) -> None:
        worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what it had not read yet is lost with it
        self._running.discard(worker)


def _ending(worker: subprocess.Popen[bytes]) -> str:
    code = worker.wait()
    return f"signal {-code}" if code < 0 else f"exit code {code}"
