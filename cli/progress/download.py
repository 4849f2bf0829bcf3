"""Progress of a download, on stderr: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

from rich.progress import DownloadColumn, TextColumn, TransferSpeedColumn

from cli.output import say
from cli.progress.bar import LiveBar
from model.weights import download
from model.weights.weights import megabytes

STEP = 0.1  # of a file, between two lines, where there is no terminal


class Transfer(download.TransferProgress):
    """Shows bytes, their speed and the time left, file by file; a context manager.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self._shown = LiveBar(
            TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), quiet=quiet
        )
        self._bar = self._shown.bar
        self._task = self._bar.add_task("", total=None, visible=False)
        self._name, self._total, self._next = "", 0, 0.0

    def __enter__(self) -> Transfer:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, name: str, kept: int, total: int) -> None:
        """Begin with a file, or learn how long it is."""
        if name != self._name:
            self._bar.reset(self._task, description=name, visible=True)
            going_on = f", {megabytes(kept)} of it are here" if kept else ""
            self.told(
                f"fetching {name} ({megabytes(total) if total else 'size unknown'}{going_on})"
            )
        self._name, self._total, self._next = name, total, kept + STEP * total
        self._bar.update(self._task, total=total or None, completed=kept)

    def advanced(self, kept: int) -> None:
        """Show how much of the file is here."""
        self._bar.update(self._task, completed=kept)
        if not self._shown.live and self._total and kept >= self._next:
            say(f"{self._name}: {kept / self._total:.0%}")
            self._next = kept + STEP * self._total

    def told(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._shown.told(line)

    def ended(self) -> None:
        """Take the file's bar away."""
        self._bar.update(self._task, visible=False)
        self._name = ""
