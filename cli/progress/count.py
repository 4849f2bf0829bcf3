"""Progress of what takes photo after photo: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

from rich.progress import MofNCompleteColumn, TextColumn

from cli.output import say
from cli.progress.bar import LiveBar

LINES = 10  # in a run, where there is no terminal


class Count:
    """Shows photos done and time left; a context manager, called with both numbers.

    Args:
        quiet: show nothing.
        doing: word for the work, as "measuring".
    """

    def __init__(self, quiet: bool, doing: str = "measuring") -> None:
        shown = LiveBar(TextColumn(doing), MofNCompleteColumn(), quiet=quiet)
        self._lines = not quiet and not shown.live
        self._bar = shown.bar
        self._task = self._bar.add_task(doing, total=None)

    def __enter__(self) -> Count:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, photos: int) -> None:
        """Show how many photos of all are done."""
        self._bar.update(self._task, total=photos, completed=done)
        if self._lines and done % max(-(-photos // LINES), 1) == 0:
            say(f"{done} of {photos} photos")
