"""How far a measuring is, on stderr: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output import say

LINES = 10  # in a measuring, where there is no terminal


class Count:
    """Shows photos done and time left; a context manager, called with both numbers.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True)
        self._lines = not quiet and not console.is_terminal
        self._bar = Progress(
            TextColumn("measuring"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("measuring", total=None)

    def __enter__(self) -> Count:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, photos: int) -> None:
        """So many photos are done, of so many."""
        self._bar.update(self._task, total=photos, completed=done)
        if self._lines and done % max(-(-photos // LINES), 1) == 0:
            say(f"{done} of {photos} photos")
