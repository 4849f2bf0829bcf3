"""Looking: each photo of a measurement seen once, by this process or by others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from model.errors import DataError, shown
from model.task import Ask, By, Fate, Needs, Task, here

Progress = Callable[[int, int], None]


class _Photo(Protocol):
    @property
    def path(self) -> Path: ...


Photo = TypeVar("Photo", bound=_Photo)
Seen = TypeVar("Seen")
Look = Callable[[Photo], Seen]


class Looking:
    """How a measurement looks at its photos; they are told apart by their numbers.

    Args:
        progress: told how many photos are done, and of how many.
        by: whoever looks.

    Attributes:
        left_out: lines, one for each photo that ended whoever looked at it.
        needs: needs of a process that looks.
    """

    def __init__(self, progress: Progress = lambda done, of: None, by: By = here) -> None:
        self._progress, self._by = progress, by
        self.left_out: list[str] = []
        self.needs = Needs()

    def with_needs(self, needs: Needs) -> Looking:
        """The same for processes of these needs; both note in one place what is left out."""
        other = copy(self)
        other.needs = needs
        return other

    def at(
        self, make: Callable[[], Look[Photo, Seen]], photos: Sequence[Photo]
    ) -> list[tuple[Photo, Seen]]:
        """Photos, in their order, and what is seen in each; one that ends its process is left out.

        Args:
            make: function that loads models and gives the look. Where others look it is pickled,
                and each of them calls it once.
            photos: the photos.

        Raises:
            DataError: none of the photos could be looked at.
            SegsearchError: a look raised it.
        """
        seen: dict[int, Seen] = {}
        self._progress(0, len(photos))
        task = _LookTask[Photo, Seen](make, self.needs)
        for done, (number, found) in enumerate(self._by(task, enumerate(photos)), 1):
            if isinstance(found, Fate):
                self.left_out.append(found.told(shown(photos[number].path)))
            else:
                seen[number] = found
            self._progress(done, len(photos))
        if photos and not seen:
            raise DataError(
                f"no photo could be looked at; the first: {self.left_out[-len(photos)]}",
                "choose others",
            )
        return [(photos[number], seen[number]) for number in sorted(seen)]


@dataclass(frozen=True)
class _LookTask(Task[tuple[int, Photo], tuple[int, Seen | Fate]], Generic[Photo, Seen]):
    make: Callable[[], Look[Photo, Seen]]
    needs: Needs

    def load(
        self, ask: Ask
    ) -> Callable[[Sequence[tuple[int, Photo]]], list[tuple[int, Seen | Fate]]]:
        look = self.make()
        return lambda items: [(number, look(photo)) for number, photo in items]

    def lost(self, item: tuple[int, Photo], fate: Fate) -> tuple[int, Seen | Fate]:
        return item[0], fate
