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
SILENCE = 60.0  # seconds between two lines, where there is no terminal


class Bar(Progress):
    """Shows files found and read, then photos done, photos a second and time left; a context
    manager. Where there is no terminal, it is a line a minute.

    Args:
        silence: seconds between two such lines.
    """

    def __init__(self, silence: float = SILENCE) -> None:
        shown = LiveBar(TextColumn("indexing"), MofNCompleteColumn(), Speed("photos", 1))
        self._live, self._bar = shown.live, shown.bar
        self._comparing = self._bar.console.status("looking for photos")
        self._silence = silence
        self._told = monotonic() if not self._live else 0.0
        self._task: TaskID | None = None
        self._photos = self._done = self._elsewhere = 0
        self._began = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._comparing.stop()
        if self._task is not None:
            self._bar.stop()

    def compared(self, found: int, read: int, to_read: int) -> None:
        """Tell how many files were found and read, some times a second."""
        if not self._is_time(REFRESH if self._live else self._silence):
            return
        reading = f", comparing the content of {read:,} of {to_read:,}" if to_read else ""
        line = f"{found:,} files found{reading}"
        if not self._live:
            say(line)
            return
        self._comparing.update(line)
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
        self._photos, self._began = photos, monotonic()

    def advanced(self, outcome: Outcome) -> None:
        """One photo more."""
        if self._task is None:
            return
        self._bar.advance(self._task)
        self._done += 1
        if not self._live and self._done < self._photos and self._is_time(self._silence):
            left = (monotonic() - self._began) / self._done * (self._photos - self._done)
            say(f"{self._done:,} of {self._photos:,} photos, about {_spell(left)} left")

    def elsewhere(self, photos: int) -> None:
        """Photos that other processes have looked at so far count as done."""
        if self._task is not None and photos > self._elsewhere:
            self._bar.advance(self._task, photos - self._elsewhere)
            self._done += photos - self._elsewhere
            self._elsewhere = photos

    def _is_time(self, between: float) -> bool:
        """Whether enough seconds have passed since something was told."""
        if (now := monotonic()) - self._told < between:
            return False
        self._told = now
        return True


def _spell(seconds: float) -> str:
    if seconds < 60:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
