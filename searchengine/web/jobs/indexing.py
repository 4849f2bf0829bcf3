"""Indexing as a job: a process of its own under the writer's lock, followed by its lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from model import errors
from model.errors import StorageError, shown
from searchengine.web.jobs.index_process import INTERRUPTED
from searchengine.web.jobs.job import Job, JobStopped

_START = (
    "import json, sys\n"
    "path, folder, preset, roots = json.loads(sys.argv[1])\n"
    "sys.path[:] = path\n"
    "from searchengine.web.jobs.index_process import main\n"
    "sys.exit(main(folder, preset, roots))\n"
)
PATIENCE = (10.0, 10.0)
"""Seconds until an interrupt is followed by a termination, and that by a kill."""
_LONGEST_TOLD = 300
_COUNTS = ("added", "recognised", "unchanged", "missing", "segments", "seconds", "notes")


class Indexing:
    """Work of an indexing job.

    Args:
        folder: index folder.
        preset: name or TOML path; None: the one that made the index.
        roots: folders, allowed ones.
    """

    def __init__(self, folder: Path, preset: str | None, roots: Sequence[str]) -> None:
        self._order = [str(folder), preset or "", list(roots)]

    def __call__(self, job: Job) -> dict[str, Any]:
        """Index; returns the counts of the report.

        Raises:
            JobStopped: the job was asked to end. What was done so far is kept.
            SegsearchError: the process told that it failed, or ended without a word.
        """
        home = str(Path(__file__).resolve().parents[3])
        order = json.dumps([[entry or home for entry in sys.path], *self._order])
        with ExitStack() as stack:
            trouble = stack.enter_context(tempfile.TemporaryFile())
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _START, order],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=trouble,
                    env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
                    process_group=0,  # Ctrl-C is for the server, which then stops its jobs
                )
            )
            ended = threading.Event()
            watcher = threading.Thread(target=_end_on_demand, args=(process, job, ended))
            watcher.start()
            try:
                told = _follow(process, job)
                code = process.wait()
            finally:
                ended.set()
                watcher.join()
            if "report" in told:
                job.message = _summary(told["report"])
                return {name: told["report"][name] for name in _COUNTS}
            if job.stop.is_set() or code == INTERRUPTED:
                raise JobStopped
            if "error" in told:
                raise _told_error(told["error"])
            raise StorageError(
                f"the indexing ended by itself (exit code {code}{_last_line(trouble)})",
                "run segsearch index, which tells more",
            )


def _told_error(told: dict[str, str]) -> errors.SegsearchError:
    """The error as it was in the other process; one of storage where its name is not known."""
    kind = getattr(errors, told["kind"], None)
    if isinstance(kind, type) and issubclass(kind, errors.SegsearchError):
        return kind(told["what"], told["fix"])
    return StorageError(told["what"], told["fix"])


def _follow(process: subprocess.Popen[bytes], job: Job) -> dict[str, Any]:
    """The last document that the process told; the others become the job's progress."""
    assert process.stdout is not None
    last: dict[str, Any] = {}
    done = 0
    for line in process.stdout:
        last = json.loads(line)
        if "found" in last:
            job.message = f"{last['found']:,} files found"
            job.advance(0)
        elif "planned" in last:
            job.total, job.message = last["planned"]["photos"], ""
            job.advance(0)
        elif "looked" in last:
            looked = last["looked"]
            if looked["kind"]:
                job.skip(**looked)
            done += 1
            # files that changed meanwhile may be looked at once more
            job.total = max(job.total or 0, done)
            job.advance(done, last=looked["path"])
    if "report" in last:
        job.skipped, job.skipped_count = [], 0
        for each in last["report"]["skipped"]:
            job.skip(**each)
    return last


def _end_on_demand(process: subprocess.Popen[bytes], job: Job, ended: threading.Event) -> None:
    """End the process when its job is to stop: an interrupt first, which lets it close well."""
    while not job.stop.wait(0.1):
        if ended.is_set():
            return
    for number, patience in zip((signal.SIGINT, signal.SIGTERM), PATIENCE, strict=True):
        process.send_signal(number)
        if ended.wait(patience):
            return
    process.kill()


def _summary(report: dict[str, Any]) -> str:
    counts = {name: report[name] for name in ("added", "recognised", "unchanged")}
    counts["skipped"] = len(report["skipped"])
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n or name == "added")


def _last_line(trouble: IO[bytes]) -> str:
    trouble.seek(0, os.SEEK_END)
    trouble.seek(max(0, trouble.tell() - 4096))
    lines = trouble.read().decode("utf-8", "replace").strip().splitlines()
    return f", {shown(lines[-1])[:_LONGEST_TOLD]}" if lines else ""
