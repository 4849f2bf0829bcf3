"""The live bar of a long-running verb, on stderr: drawn only where there is a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from cli.output import say


class Speed(ProgressColumn):
    """Column of what is done a second.

    Args:
        unit: name of what is counted, as "photos".
        digits: decimal places.
    """

    def __init__(self, unit: str, digits: int) -> None:
        super().__init__()
        self._unit, self._digits = unit, digits

    def render(self, task: Task) -> Text:
        """The speed at the end, or else of late."""
        speed = task.finished_speed or task.speed or 0
        return Text(f"{speed:.{self._digits}f} {self._unit}/s")


class LiveBar:
    """A bar that is drawn only in a terminal, and the lines above it.

    Args:
        before: columns left of the bar.
        after: columns between the bar and the time left.
        last: columns right of the time left.
        quiet: whether nothing is shown at all.

    Attributes:
        live: whether the bar is drawn.
        bar: the drawn bar, with tasks to be added and updated.
    """

    def __init__(
        self,
        before: ProgressColumn,
        *after: ProgressColumn,
        last: tuple[ProgressColumn, ...] = (),
        quiet: bool = False,
    ) -> None:
        console = Console(stderr=True)
        self.live = console.is_terminal and not quiet
        self.bar = Progress(
            before,
            BarColumn(),
            *after,
            TimeRemainingColumn(),
            *last,
            console=console,
            transient=True,
            disable=not self.live,
        )

    def told(self, line: str) -> None:
        """Print a line that stays, above the bar where there is one."""
        say(line, self.bar if self.live else None)
