"""History: the last questions that were asked of an index, on this machine alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from indexer.user_data.user_data import MOST_HISTORY, UserData
from model.errors import IndexReadOnly, QueryError, SegsearchError
from searchengine.matches.matches import Matches
from searchengine.opened_index import OpenedIndex
from searchengine.user_data.kept_example import Pointed, kept_example
from searchengine.user_data.kept_query import KeptQuery


@dataclass(frozen=True, eq=False)
class HistoryEntry:
    """A question of the history.

    Attributes:
        id: number of the entry; later ones have higher numbers.
        at: time at which it was asked, ISO 8601 in UTC.
        question: question that was asked.
    """

    id: int
    at: str
    question: KeptQuery

    def to_dict(self) -> dict[str, Any]:
        """The entry as the command line's JSON has it."""
        query = self.question.to_dict(vectors=False)
        return {"id": self.id, "at": self.at, "said": str(self.question), "query": query}


class History:
    """The last thousand questions that people asked of an index by commands or the page.

    Args:
        opened: index and its models.

    Raises (every method but `remember`):
        StorageError: what is kept cannot be read or written; the name tells why.
    """

    def __init__(self, opened: OpenedIndex) -> None:
        self._opened = opened
        self._data = UserData(opened.folder)

    def all(self, most: int = MOST_HISTORY) -> list[HistoryEntry]:
        """The latest questions, the last first; what cannot be understood is left out."""
        entries = []
        for asked in self._data.history(most):
            try:
                question = KeptQuery.from_dict(asked.record)
            except QueryError:  # of a newer segsearch
                continue
            entries.append(HistoryEntry(asked.id, asked.at, question))
        return entries

    def remember(self, matches: Matches, examples: Sequence[Pointed] = ()) -> str:
        """Remember the question that matches answer; never an error.

        Args:
            matches: answer.
            examples: places that its example is made of, as `SearchEngine.similar` takes it.

        Returns:
            Line for people where it could not be remembered; empty where it was, where the
            history is off, or where nothing may be written here.
        """
        if matches.asked is None:
            return ""
        try:
            if not self.on:
                return ""
            with self._opened.turn():
                known = matches.asked.example if len(examples) == 1 else None
                kept = [kept_example(each, self._opened, known) for each in examples]
                question = KeptQuery.of(matches.asked, self._opened.reader, kept)
            self._data.remember(question.to_dict())
        except IndexReadOnly:
            return ""
        except SegsearchError as error:
            return f"not put into the history: {error}"
        return ""

    def clear(self) -> int:
        """Forget all questions, so that no byte of them is left; returns how many there were."""
        return self._data.forget_history()

    @property
    def on(self) -> bool:
        """Whether questions are remembered."""
        return self._data.remembers()

    def turn(self, on: bool) -> None:
        """Say whether questions are remembered from now on; those that are stay."""
        self._data.let_remember(on)
