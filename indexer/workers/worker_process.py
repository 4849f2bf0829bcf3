"""A worker's process as the pool sees it: started, asked, ended, and how it came to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from indexer.workers.cgroups import kills_for_memory
from indexer.workers.worker import Question, Start, receive, send
from model.errors import SegsearchError
from model.task import Ask

START = "import sys; sys.path[:] = sys.argv[1:]; from indexer.workers.worker import main; main()"
_KILL = getattr(signal, "SIGKILL", None)
_MOMENT = 5.0  # seconds in which a process that has closed its pipe comes to its end


@dataclass(frozen=True)
class Ending:
    """Ending of a worker, and its cause.

    Attributes:
        code: its exit code, or the negative number of the signal that ended it.
        late: whether we ended it, because it took too long.
        starved: whether the system ended processes for want of memory meanwhile.
    """

    code: int
    late: bool = False
    starved: bool = False

    @property
    def killed(self) -> bool:
        """Whether the system or a person ended it, rather than a fault of its own."""
        return not self.late and _KILL is not None and self.code == -_KILL

    def __str__(self) -> str:
        how = f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        return f"{how}, out of memory" if self.starved and self.killed else how


class WorkerEnded(Exception):
    """A worker came to its end before it answered."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending))
        self.ending = ending


class WorkerProcess:
    """A process that does a task; from the start a child of the thread that makes it.

    Args:
        start: task that it does, sent before its first item.
        environment: environment variables of the process.
    """

    def __init__(self, start: Start, environment: dict[str, str]) -> None:
        self._start = start
        self._kills = kills_for_memory()
        # A worker finds its modules where its parent did, and no others: "" was the current
        # folder at the time, now it may be one with a folder named model/ in it.
        home = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *(entry or home for entry in sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            process_group=0,  # Ctrl-C is for the parent, which then ends its workers
        )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def load(self) -> None:
        """Wait until its models are loaded.

        Raises:
            WorkerEnded: the process ended.
            SegsearchError: its task cannot be done.
        """
        try:
            send(self._inbox, self._start)
            refusal = receive(self._answers)
        except (EOFError, OSError) as error:
            raise WorkerEnded(self._ended()) from error
        if refusal is not None:
            self.end()
            raise cast(SegsearchError, refusal)

    def do(self, items: Sequence[Any], patience: float, answer: Ask) -> list[Any]:
        """The answers of items that it does together.

        Args:
            items: the items.
            patience: seconds until it is ended for being late.
            answer: answers what the task asks meanwhile.

        Raises:
            WorkerEnded: the process ended.
            SegsearchError: no item is to blame; its models fail.
        """
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(patience, give_up)
        timer.daemon = True
        timer.start()
        try:
            send(self._inbox, list(items))
            while isinstance(told := receive(self._answers), Question):
                send(self._inbox, answer(told.body))
        except (EOFError, OSError) as error:
            raise WorkerEnded(self._ended(late=late.is_set())) from error
        finally:
            timer.cancel()
        if isinstance(told, SegsearchError):
            raise told
        return cast(list[Any], told)

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()

    def end(self, *, late: bool = False) -> Ending:
        """End it, if it has not ended, and say how it did."""
        self._process.kill()
        code = self._process.wait()
        for stream in (self._inbox, self._answers):
            try:
                stream.close()
            except BrokenPipeError:
                continue  # what it had not read yet is lost with it
        return Ending(code, late, starved=kills_for_memory() > self._kills)

    def _ended(self, *, late: bool = False) -> Ending:
        """How it ended, now that it has closed its side: its own exit code, not our signal."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_MOMENT)
        return self.end(late=late)

    @property
    def _inbox(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdin)

    @property
    def _answers(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdout)


def worker_environment(threads: int) -> dict[str, str]:
    """The variables of a worker of so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"}  # without spinning: the cores are others' too
    return waiting | os.environ | dict.fromkeys(names, str(threads))
