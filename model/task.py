"""Tasks: what is done with one item after another, by this process or by any that are given it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from model.presets.preset import Preset

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Ask = Callable[[Any], Any]
"""Asks whoever handed out the items, another process perhaps; the answer may be None."""


@dataclass(frozen=True)
class Needs:
    """Needs of a process that does a task.

    Attributes:
        gigabytes: memory, gigabytes.
        gpu: whether it uses a GPU where there is one.
        seconds: CPU seconds of one thread for an item, about.
        together: items that it does together; 0: as many as suit its device.
    """

    gigabytes: float = 1.0
    gpu: bool = False
    seconds: float = 1.0
    together: int = 0

    @classmethod
    def of(cls, preset: Preset) -> Needs:
        """Needs of looking at photos with a preset."""
        return cls(
            preset.worker_gb, preset.uses_gpu, preset.seconds_per_photo, preset.photos_at_once
        )


@dataclass(frozen=True)
class Fate:
    """Fate of an item that ended whoever was at work on it.

    Attributes:
        ending: ending of the process, as "exit code 7"; "" where it was too slow, and we ended it.
        killed: whether the system ended the process, rather than a fault of its own.
        patience: seconds that it was given.
    """

    ending: str
    killed: bool
    patience: float

    def told(self, name: str) -> str:
        """What happened, in words.

        Args:
            name: the item's name.
        """
        if self.killed:
            return (
                f"the system ended the process that looks at {name} ({self.ending}), most likely"
                " because memory ran out"
            )
        if not self.ending:
            return f"{name} took longer than {self.patience:g} s to look at"
        return f"{name} ends the process that looks at it ({self.ending})"


class Task(ABC, Generic[Item, Answer]):
    """Work on items, each by itself: it is pickled, and loads its models where it is done.

    Attributes:
        needs: needs of a process that does it.
    """

    needs: Needs

    @abstractmethod
    def load(self, ask: Ask) -> Callable[[Sequence[Item]], list[Answer]]:
        """Models, loaded: the function that gives the answers of some items, in their order.

        Args:
            ask: function that asks whoever handed out the items.

        Raises:
            SegsearchError: no process like this one can do it.
        """

    @abstractmethod
    def lost(self, item: Item, fate: Fate) -> Answer:
        """The answer of an item that ended its process each time."""


class By(Protocol):
    """Whoever does a task: this process, or others."""

    def __call__(self, task: Task[Item, Answer], items: Iterable[Item]) -> Iterator[Answer]:
        """The answer of every item, in the order in which they are ready.

        Raises:
            SegsearchError: the task cannot be done, whatever the item; or one raised it.
        """


def here(task: Task[Item, Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """The answers, by this process and thread, one after another."""
    do = task.load(nobody_knows)
    for item in items:
        yield from do([item])


def nobody_knows(question: Any) -> None:
    """None, whatever a task asks."""
