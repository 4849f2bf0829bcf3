"""Callbacks that are told how a training goes."""

from __future__ import annotations

from collections.abc import Mapping


class Callbacks:
    """Told what happens, in the first process only; this one does nothing with it."""

    def started(self, step: int, steps: int) -> None:
        """The training begins, or goes on, after `step` of its `steps`."""

    def stepped(self, step: int, terms: Mapping[str, float]) -> None:
        """A step is done; the loss' terms, and `lr`."""

    def validated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """The network was measured; whether it is the best so far."""

    def told(self, line: str) -> None:
        """Something that a person should know."""

    def ended(self) -> None:
        """The training is over, well or not."""
