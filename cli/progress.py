"""The progress bar of an indexing run, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cli.output import say

if TYPE_CHECKING:
    from indexer.plan import Plan
    from indexer.worker import Outcome


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.1f} photos/s")


class Bar:
    """Shows photos done, photos a second and time left; a context manager."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("indexing"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bar.stop()

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Tell the estimate, and start the bar."""
        photos = len(plan.look)
        if not photos:
            return
        known = f", {plan.unchanged:,} unchanged" if plan.unchanged else ""
        workers = "1 worker" if jobs == 1 else f"{jobs} workers"
        say(f"{photos:,} photos to look at{known}: about {_spell(seconds)} with {workers}")
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
