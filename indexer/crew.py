"""Crew: worker processes, and the photos handed out to them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, cast

from indexer.worker import Order, Outcome, receive, send
from model.errors import SegsearchError, shown

TRIES = 2
LEAST_PATIENCE = 600.0  # seconds for a photo
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
START = "import sys; sys.path[:] = sys.argv[1:]; from indexer.worker import main; main()"


class Crew:
    """`jobs` worker processes of `threads` each, started when the first photo comes.

    A worker that dies over a photo is replaced and the photo tried once more; if it ends the
    next one too, it is skipped. So is one that takes longer than `patience` seconds, at once.

    Use as a context manager: leaving it ends the workers, whatever they are doing.
    """

    def __init__(
        self, order: Order, jobs: int, threads: int = 1, *, patience: float = LEAST_PATIENCE
    ) -> None:
        self._order = order
        self._environment = os.environ | dict.fromkeys(THREADS, str(threads))
        self._patience = patience
        self._paths: SimpleQueue[str | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        # outcomes wait in memory: no worker gets ahead of who stores them by more than this
        self._room = threading.Semaphore(3 * jobs)
        self._lock = threading.Lock()  # of the two that follow
        self._closing = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._threads = [
            threading.Thread(target=self._run_one, args=(number,), daemon=True)
            for number in range(jobs)
        ]

    def __enter__(self) -> Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._closing = True
            for worker in self._running:
                worker.kill()
        for _ in self._threads:
            self._paths.put(None)
            self._room.release()
        for thread in self._threads:
            thread.join()

    def look_at(self, paths: Collection[str]) -> Iterator[Outcome]:
        """The outcome of every path, in the order in which they are ready.

        Raises:
            SegsearchError: the workers cannot start (a preset without its weights).
        """
        for path in paths:
            self._paths.put(path)
        for _ in paths:
            outcome = self._outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
            self._room.release()

    def _run_one(self, number: int) -> None:
        """Keep the worker of that number busy, and replace it when it dies."""
        worker: subprocess.Popen[bytes] | None = None
        try:
            while True:
                self._room.acquire()
                path = self._paths.get()
                if path is None or self._closing:
                    return
                for _ in range(TRIES):
                    worker = worker or self._start(number)
                    try:
                        outcome = self._ask(worker, path)
                        break
                    except _Ended as ended:
                        worker = None
                        reason = f"{shown(path)} {ended}: try it again with --retry"
                        outcome = Outcome(path, kind="PhotoUnreadable", reason=reason)
                        if ended.late:
                            break
                self._outcomes.put(outcome)
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            if worker is not None:
                self._end(worker)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        # A worker finds its modules where its parent did, and no others: "" was the current
        # folder at the time, now it may be one with a folder named model/ in it.
        home = str(Path(__file__).resolve().parent.parent)
        with self._lock:
            if self._closing:
                raise SegsearchError("the crew is closing")
            worker = subprocess.Popen(
                [sys.executable, "-c", START, *(entry or home for entry in sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                process_group=0,  # Ctrl-C is for the parent, which then ends its workers
            )
            self._running.add(worker)
        try:
            send(cast(BinaryIO, worker.stdin), replace(self._order, worker=number))
            refusal = receive(cast(BinaryIO, worker.stdout))
        except (EOFError, OSError) as error:
            ending = self._end(worker)
            raise SegsearchError(
                f"a worker process ended before its first photo ({ending})",
                "see the lines above, or run segsearch doctor",
            ) from error
        if refusal is not None:
            self._end(worker)
            raise refusal
        return worker

    def _ask(self, worker: subprocess.Popen[bytes], path: str) -> Outcome:
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
        except (EOFError, OSError) as error:
            ending = self._end(worker)
            if late.is_set():
                told = f"took longer than {self._patience:g} s to look at"
            else:
                told = f"ends the process that looks at it ({ending})"
            raise _Ended(told, late.is_set()) from error
        finally:
            timer.cancel()

    def _end(self, worker: subprocess.Popen[bytes]) -> str:
        """End a worker, if it has not ended; says how it did."""
        worker.kill()
        code = worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what it had not read yet is lost with it
        with self._lock:
            self._running.discard(worker)
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class _Ended(Exception):
    """A worker ended over a photo: by itself, or because it was late."""

    def __init__(self, told: str, late: bool) -> None:
        super().__init__(told)
        self.late = late
