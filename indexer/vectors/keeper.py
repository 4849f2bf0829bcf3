"""Keeper of an index' vectors: has them searched as new as the catalog, however they are stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from indexer.vectors.store import VectorStore


@dataclass(frozen=True)
class KeepingReport:
    """Report on what was done to have the vectors.

    Attributes:
        action: `used` as it was, `mended` or `rebuilt`.
        written: whether what is kept beside the catalog is up to date now.
        note: one line where something is worth telling (a damaged file, a full disk), else "".
    """

    action: str
    written: bool
    note: str


class VectorKeeper(ABC):
    """Keeper of one index' vectors.

    Attributes:
        report: state of the vectors when last looked at, and whatever was done about it; None
            before.
    """

    report: KeepingReport | None = None

    @abstractmethod
    def vectors(self) -> VectorStore:
        """The vectors of all segments, as new as the catalog."""

    @abstractmethod
    def sync(self, *, writable: bool) -> KeepingReport:
        """Bring the vectors up to the catalog, and what is kept of them where that is allowed."""

    @abstractmethod
    def sync_if_behind(self) -> str:
        """Bring what is kept up to the catalog, at the end of a run; one line where it failed."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Faults of what is kept, a line each: read whole, and compared with the catalog."""

    @abstractmethod
    def rebuild(self) -> KeepingReport:
        """Make what is kept anew from the catalog, for who may write it."""
