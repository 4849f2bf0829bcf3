"""WorkerPool: worker processes, and the photos handed out to them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO, cast

from indexer.workers.pipeline import Outcome
from indexer.workers.worker import WorkerConfig, receive, send
from model.errors import SegsearchError, shown

TRIES = 2
LEAST_PATIENCE = 600.0  # seconds for a photo
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
START = "import sys; sys.path[:] = sys.argv[1:]; from indexer.workers.worker import main; main()"


class WorkerPool:
    """`jobs` worker processes of `threads` each, started when the first photo comes.

    Each looks at `together` photos at a time, fewer where few are left. A worker that dies over a
    photo is replaced and the photo tried once more; if it ends the next one too, it is skipped.
    So is one that takes longer than `patience` seconds, at once. Where photos that are looked at
    together end a worker or its patience, they are looked at again one by one.

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
    ) -> None:
        self._order = config
        self._together = together
        self._environment = os.environ | dict.fromkeys(THREADS, str(threads))
        self._patience = patience
        self._paths: SimpleQueue[str | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        # outcomes wait in memory: no worker gets ahead of who stores them by more than this
        self._room = threading.Semaphore(3 * jobs * together)
        self._lock = threading.Lock()  # of the two that follow
        self._closing = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._seats: list[subprocess.Popen[bytes] | None] = [None] * jobs  # each one thread's own
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
        for _ in self._threads:
            self._paths.put(None)
            self._room.release()
        for thread in self._threads:
            thread.join()

    def look_at(self, paths: Collection[str]) -> Iterator[Outcome]:
        """The outcome of every path, in the config in which they are ready.

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
        """Keep the worker of that number busy."""
        try:
            while paths := self._take():
                for outcome in self._looked_at(number, paths):
                    self._outcomes.put(outcome)
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            worker = self._seats[number]
            if worker is not None:
                self._end(worker)

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
        """The outcomes of photos, by the worker of that number, which is replaced when it dies."""
        for _ in range(TRIES if len(paths) == 1 else 1):
            worker = self._seats[number] = self._seats[number] or self._start(number)
            try:
                yield from self._ask(worker, paths)
                return
            except _Ended as ended:
                self._seats[number] = None
                end = ended
                if ended.late:
                    break
        if len(paths) > 1:  # one of them did it
            for path in paths:
                yield from self._looked_at(number, [path])
            return
        reason = f"{shown(paths[0])} {end}: try it again with --retry"
        yield Outcome(paths[0], kind="PhotoUnreadable", reason=reason)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        # A worker finds its modules where its parent did, and no others: "" was the current
        # folder at the time, now it may be one with a folder named model/ in it.
        home = str(Path(__file__).resolve().parents[2])
        with self._lock:
            if self._closing:
                raise SegsearchError("the pool is closing")
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

    def _ask(self, worker: subprocess.Popen[bytes], paths: Sequence[str]) -> list[Outcome]:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            worker.kill()

        timer = threading.Timer(self._patience * len(paths), give_up)
        timer.daemon = True
        timer.start()
        try:
            send(cast(BinaryIO, worker.stdin), list(paths))
            return cast(list[Outcome], receive(cast(BinaryIO, worker.stdout)))
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
