"""SavedSearch: a question under a name, and the state of the index that it was last asked of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from indexer.catalog.records import Watermark
from indexer.index import Index
from searchengine.matches.match import CONFIDENT, Match
from searchengine.matches.matches import Matches
from searchengine.user_data.json_fields import Fields
from searchengine.user_data.kept_query import KeptQuery


@dataclass(frozen=True)
class Seen:
    """State of an index when a saved search's matches were last looked at.

    Attributes:
        watermark: name of the state.
        photo: highest id of a photo in it; 0 where there was none.
        at: time, ISO 8601 in UTC.
    """

    watermark: Watermark
    photo: int
    at: str

    @classmethod
    def of(cls, index: Index) -> Seen:
        """The state that an index is in."""
        with index.catalog.snapshot():
            watermark, ids = index.catalog.watermark, index.catalog.photo_ids()
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(watermark, int(ids[-1]) if len(ids) else 0, at)

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON has it."""
        return {**self.watermark._asdict(), "photo": self.photo, "at": self.at}

    @classmethod
    def from_dict(cls, record: object) -> Seen:
        """The state that JSON tells.

        Raises:
            QueryError: the record tells none.
        """
        told = Fields(record, "what was seen of a saved search")
        watermark = Watermark(
            told.text("catalog_id", ""), told.whole("generation", 0), told.text("revision", "")
        )
        return cls(watermark, told.whole("photo", 0), told.text("at", ""))


@dataclass(frozen=True, eq=False)
class SavedSearch:
    """A question under a name.

    Attributes:
        name: its name.
        question: question that is asked.
        least_confidence: confidence from which a match of words counts, 0 to 1.
        least_score: score from which a match counts, where only examples are asked by.
        created_at: time at which it was saved, ISO 8601 in UTC.
        seen: state of the index when its matches were last looked at.
    """

    name: str
    question: KeptQuery
    least_confidence: float
    least_score: float | None
    created_at: str
    seen: Seen

    @classmethod
    def of(cls, name: str, record: object, created_at: str, seen: Seen) -> SavedSearch:
        """The search that JSON tells under a name.

        Raises:
            QueryError: the record tells none.
        """
        told = Fields(record, f"the saved search '{name}'")
        least = told.number("least_confidence", CONFIDENT)
        question = KeptQuery.from_dict(told.inner_record("query"))
        return cls(name, question, least, told.optional_number("least_score"), created_at, seen)

    def to_dict(self, *, vectors: bool = False) -> dict[str, Any]:
        """The search as the command line's JSON has it.

        Args:
            vectors: whether the examples' vectors are told, without which it cannot be read again.
        """
        return {
            "name": self.name,
            "created_at": self.created_at,
            "least_confidence": self.least_confidence,
            "least_score": self.least_score,
            "query": self.question.to_dict(vectors=vectors),
            "seen": self.seen.to_dict(),
        }

    def passing(self, matches: Matches) -> Matches:
        """The matches that are as good as it asks for."""
        items = tuple(match for match in matches if self._passes(match))
        return replace(matches, items=items)

    def _passes(self, match: Match) -> bool:
        if match.confidence is not None:
            return match.confidence >= self.least_confidence
        return self.least_score is None or (match.score or 0.0) >= self.least_score


@dataclass(frozen=True, eq=False)
class NewMatches:
    """What a saved search finds among photos that were added since.

    Attributes:
        search: the saved search.
        photos: number of photos that were added.
        matches: matches among them, best first.
        until: state of the index that was looked at.
    """

    search: SavedSearch
    photos: int
    matches: Matches
    until: Seen

    def to_dict(self) -> dict[str, Any]:
        """The answer as the command line's JSON has it."""
        return {
            "name": self.search.name,
            "since": self.search.seen.to_dict(),
            "until": self.until.to_dict(),
            "photos_added": self.photos,
            **self.matches.to_dict(),
        }
