"""Sighting: the classes that a thing would be seen as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sighting:
    """Classes that a word's thing would be seen as.

    Attributes:
        classes: numbers of the classes, ascending.
        coverage: share in (0, 1] by which they stand for it; 1 for the names of a class.
    """

    classes: tuple[int, ...]
    coverage: float

    def rarer(self, share: float) -> Sighting:
        """The same, of a sense that is meant by that share."""
        return Sighting(self.classes, round(self.coverage * share, 2))
