"""Answer: what is printed of matches, whether this machine found them or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchengine import Matches


@dataclass(frozen=True)
class Answer:
    """One answer, as it is printed.

    Attributes:
        document: the document of `--json`; the table and its like are made from it, too.
        notes: lines on how the question was read and on what was left out.
        reading: lines that `--explain` tells beside a table.
    """

    document: Mapping[str, Any]
    notes: Sequence[str] = ()
    reading: Sequence[str] = ()

    @classmethod
    def of(cls, matches: Matches, explain: bool = False) -> Answer:
        """The answer that matches are."""
        return cls(matches.to_dict(explain), matches.notes, matches.reading)

    @property
    def matches(self) -> list[dict[str, Any]]:
        """Records of the matches."""
        found: list[dict[str, Any]] = self.document["matches"]
        return found
