"""Progress of a training, on stderr: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.progress import MofNCompleteColumn, TaskID, TextColumn

from cli.output import say
from cli.progress.bar import LiveBar, Speed
from model.training.loop.callbacks import Callbacks

LINES = 20  # in a training, where there is no terminal


class TrainingProgress(Callbacks):
    """Shows steps, their speed, the time left, the smoothed loss, and what was measured."""

    def __init__(self) -> None:
        self._shown = LiveBar(
            TextColumn("training"),
            MofNCompleteColumn(),
            Speed("steps", 2),
            last=(TextColumn("{task.description}"),),
        )
        self._task: TaskID | None = None
        self._steps = 0
        self._loss: float | None = None

    def started(self, step: int, steps: int) -> None:
        """Start the bar."""
        self._steps = steps
        if step:
            say(f"going on after step {step} of {steps}")
        self._task = self._shown.bar.add_task("", total=steps, completed=step)
        self._shown.bar.start()

    def stepped(self, step: int, terms: Mapping[str, float]) -> None:
        """One step more."""
        loss = terms["loss"]
        if math.isfinite(loss):
            self._loss = loss if self._loss is None else 0.95 * self._loss + 0.05 * loss
        told = "" if self._loss is None else f"loss {self._loss:.4g}"
        if self._task is not None:
            self._shown.bar.update(self._task, completed=step, description=told)
        if not self._shown.live and step % max(self._steps // LINES, 1) == 0:
            say(f"step {step} of {self._steps}: {told}, lr {terms['lr']:.2g}")

    def validated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Show what was measured, on a line that stays."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self.told(f"step {step}: {figures}{' (best)' if best else ''}")

    def told(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._shown.told(line)

    def ended(self) -> None:
        """Take the bar away."""
        self._shown.bar.stop()
