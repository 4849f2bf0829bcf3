"""Progress of a migration, on stderr: a live bar in a terminal, else a line a thousand photos."""

from __future__ import annotations

from rich.progress import MofNCompleteColumn, TextColumn

from cli.output import say
from cli.progress.bar import LiveBar


class Bar:
    """Shows photos copied and time left; a context manager, called with both numbers.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        shown = LiveBar(TextColumn("copying"), MofNCompleteColumn(), quiet=quiet)
        self._lines = not quiet and not shown.live
        self._bar = shown.bar
        self._task = self._bar.add_task("copying", total=None)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, photos: int) -> None:
        """Show how many photos of all were looked at."""
        self._bar.update(self._task, total=photos, completed=done)
        if self._lines:
            say(f"{done:,} of {photos:,} photos")
