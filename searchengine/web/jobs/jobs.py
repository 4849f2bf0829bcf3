"""Jobs: the work of a server that takes long, one of a kind at a time, the others in a queue."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from model.errors import NotFound, SegsearchError, ServerBusy
from searchengine.web.jobs.job import DONE, RUNNING, STOPPED, STOPPING, WAITING, Job, JobStopped

log = logging.getLogger("segsearch")

Work = Callable[[Job], dict[str, Any]]
"""Does a job's work, in a thread of its own, and returns its summary; heeds `job.stop`."""
MOST_WAITING = 16
MOST_KEPT = 50
MOST_FILES = 8


class Jobs:
    """All jobs of a server, those that ended lately among them.

    Args:
        told: function called from any thread after each change of a job.
    """

    def __init__(self, told: Callable[[Job], object]) -> None:
        self._told = told
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}
        self._place: Path | None = None
        self._closed = False

    def submit(self, kind: str, about: dict[str, Any], work: Work) -> Job:
        """A new job, which begins when those of its kind before it have ended.

        Raises:
            ServerBusy: too many wait already.
        """
        with self._lock:
            live = [job for job in self._jobs.values() if job.is_live and job.kind == kind]
            if self._closed or len(live) > MOST_WAITING:
                raise ServerBusy(f"{len(live)} jobs wait already", "start it when some are done")
            job = Job(kind, about, self._told)
            self._jobs[job.id] = job
            for old in [old for old in self._jobs.values() if not old.is_live][:-MOST_KEPT]:
                self._drop(old)
            lane = self._lanes.setdefault(kind, _Lane(kind))
        job.turn(WAITING)
        lane.add(job, work)
        return job

    def of(self, name: str) -> Job:
        """The job of that name.

        Raises:
            NotFound: there is none, or it ended long ago.
        """
        with self._lock:
            if name not in self._jobs:
                raise NotFound("there is no such job", "ask for all of them")
            return self._jobs[name]

    def all(self) -> list[Job]:
        """All jobs, the oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def stop(self, name: str) -> Job:
        """The job of that name, asked to end; one that waits ends at once.

        Raises:
            NotFound: there is none.
        """
        job = self.of(name)
        job.stop.set()
        with self._lock:
            lane = self._lanes[job.kind]
        if lane.withdraw(job):
            job.turn(STOPPED)
        elif job.state == RUNNING:
            job.turn(STOPPING)
        return job

    def file_of(self, job: Job) -> Path:
        """Path of a job's file, in a folder that only this user may read; made when first asked."""
        with self._lock:
            if self._place is None:
                self._place = Path(tempfile.mkdtemp(prefix="segsearch-"))
            kept = sorted(self._place.glob("*.zip"), key=lambda file: file.stat().st_mtime)
            for old in kept[: -MOST_FILES + 1]:
                with suppress(OSError):
                    old.unlink()
            return self._place / f"{job.id}.zip"

    def close(self) -> None:
        """Ask all jobs to end, and wait until they have; their files go."""
        with self._lock:
            self._closed = True
            live = [job.id for job in self._jobs.values() if job.is_live]
            lanes = list(self._lanes.values())
        for name in live:
            self.stop(name)
        for lane in lanes:
            lane.close()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)

    def _drop(self, job: Job) -> None:
        del self._jobs[job.id]
        if self._place is not None:
            with suppress(OSError):
                (self._place / f"{job.id}.zip").unlink()


class _Lane:
    """Jobs of one kind, one after the other in one thread."""

    def __init__(self, kind: str) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Job, Work]] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"jobs {kind}", daemon=True)
        self._thread.start()

    def add(self, job: Job, work: Work) -> None:
        with self._changed:
            self._waiting.append((job, work))
            self._changed.notify()

    def withdraw(self, job: Job) -> bool:
        """Whether a job waited, and now does no more."""
        with self._changed:
            before = len(self._waiting)
            self._waiting = deque(each for each in self._waiting if each[0] is not job)
            return len(self._waiting) < before

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (each := self._next()) is not None:
            job, work = each
            try:
                job.turn(STOPPING if job.stop.is_set() else RUNNING)
                job.summary = work(job)
            except JobStopped:
                job.turn(STOPPED)
            except SegsearchError as error:
                job.fail(error)
            except Exception as error:
                log.exception("job %s failed", job.kind)
                job.fail(error)
            else:
                job.turn(DONE)

    def _next(self) -> tuple[Job, Work] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            return self._waiting.popleft()
