"""Progress of an indexing run, on stderr: a line while files are compared, then a bar."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rich.progress import MofNCompleteColumn, TaskID, TextColumn

from cli.output import counted, say
from cli.progress.bar import LiveBar, Speed
from indexer.update import Progress

if TYPE_CHECKING:
    from indexer.scan.plan import Plan
    from indexer.workers.pipeline import Outcome


REFRESH = 0.1  # seconds


class Bar(Progress):
    """Shows files found and read, then photos done, photos a second and time left, where there is
    a terminal; a context manager."""

    def __init__(self) -> None:
        shown = LiveBar(TextColumn("indexing"), MofNCompleteColumn(), Speed("photos", 1))
        self._live, self._bar = shown.live, shown.bar
        self._comparing = self._bar.console.status("looking for photos")
        self._told = 0.0
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._comparing.stop()
        if self._task is not None:
            self._bar.stop()

    def compared(self, found: int, read: int, to_read: int) -> None:
        """Tell how many files were found and read, some times a second."""
        if not self._live or (now := monotonic()) - self._told < REFRESH:
            return
        self._told = now
        reading = f", comparing the content of {read:,} of {to_read:,}" if to_read else ""
        self._comparing.update(f"{found:,} files found{reading}")
        self._comparing.start()

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Tell the estimate, and start the bar."""
        self._comparing.stop()
        photos = len(plan.look)
        if not photos:
            return
        known = f", {plan.unchanged:,} unchanged" if plan.unchanged else ""
        work, workers = counted(photos, "photo"), counted(jobs, "worker")
        say(f"{work} to look at{known}: about {_spell(seconds)} with {workers}")
        self._task = self._bar.add_task("indexing", total=photos)
        self._bar.start()

    def advanced(self, outcome: Outcome) -> None:
        """One photo more."""
        if self._task is not None:
            self._bar.advance(self._task)


def _spell(seconds: float) -> str:
    if seconds < 60:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
