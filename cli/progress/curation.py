"""Progress of a curation, on stderr: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

from typing import Self

from rich.progress import MofNCompleteColumn, TextColumn

from cli.output import say
from cli.progress.bar import LiveBar, Speed

LINES = 10  # a phase, where there is no terminal


class Progress:
    """Shows photos that are read and then curated; a context manager.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        shown = LiveBar(
            TextColumn("{task.description}"),
            MofNCompleteColumn(),
            last=(Speed("photos", 2),),
            quiet=quiet,
        )
        self._lines = not quiet and not shown.live
        self._bar = shown.bar
        self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def read(self, done: int, of: int) -> None:
        """Show how many files are read."""
        self._show("reading", done, of)

    def curated(self, done: int, of: int) -> None:
        """Show how many photos are through."""
        self._show("curating", done, of)

    def _show(self, what: str, done: int, of: int) -> None:
        self._bar.update(self._task, description=what, total=of, completed=done)
        if self._lines and done and (done == of or done % max(-(-of // LINES), 1) == 0):
            say(f"{what}: {done} of {of} photos")
