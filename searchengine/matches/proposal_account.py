"""Account of proposals: what was proposed in each photo, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from indexer.catalog.records import PhotoRow
from model.percent_sure import percent_sure

FINGERPRINT_SHOWN = 12  # hex digits of the fingerprint that people are told


@dataclass(frozen=True)
class Proposed:
    """One proposal, and its place among the matches.

    Attributes:
        score: agreement with the query, as a match's.
        confidence: calibrated probability, before it is held below that of better matches; None
            where there is no calibration.
        segment_id: id of the match that it became; None where it became none.
        in_place_of: id of the match that shows the same thing worse, and whose place it took.
        behind: id of the match that shows the same thing better.
        shown: whether it is among the matches that are shown.
    """

    score: float
    confidence: float | None
    segment_id: int | None = None
    in_place_of: int | None = None
    behind: int | None = None
    shown: bool = False

    @property
    def alone(self) -> bool:
        """Whether no other match shows the same thing."""
        return self.in_place_of is None and self.behind is None

    def renamed(self, names: Mapping[int, int]) -> Proposed:
        """The proposal with other ids of segments; those that `names` lacks stay."""
        told = (self.segment_id, self.in_place_of, self.behind)
        segment_id, in_place_of, behind = (i if i is None else names.get(i, i) for i in told)
        return replace(self, segment_id=segment_id, in_place_of=in_place_of, behind=behind)

    def __str__(self) -> str:
        sure = "" if self.confidence is None else f" ({percent_sure(self.confidence)})"
        name = "" if self.segment_id is None else f"{self.segment_id}: "
        if self.behind is not None:
            fate = f"behind {self.behind}, which shows the same better"
        elif self.in_place_of is not None:
            fate = f"in place of {self.in_place_of}"
        else:
            fate = "alone"
        cut = "" if self.shown or self.behind is not None else ", below what is shown"
        return f"{name}{self.score:.2f}{sure}, {fate}{cut}"

    def to_dict(self) -> dict[str, Any]:
        """The proposal as the command line's JSON has it."""
        return {
            "score": round(self.score, 4),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "segment_id": self.segment_id,
            "in_place_of": self.in_place_of,
            "behind": self.behind,
            "shown": self.shown,
        }


@dataclass(frozen=True)
class LookedAt:
    """A photo that was looked at again.

    Attributes:
        photo: photo of the index.
        proposals: proposals that the query's conditions allow, best first.
    """

    photo: PhotoRow
    proposals: tuple[Proposed, ...]

    @property
    def alone(self) -> int:
        """Number of proposals that stand alone."""
        return sum(each.alone for each in self.proposals)

    @property
    def in_place(self) -> int:
        """Number of proposals that took the place of a segment of the index."""
        return sum((each.in_place_of or 0) > 0 for each in self.proposals)

    @property
    def behind(self) -> int:
        """Number of proposals of which a segment of the index shows the same better."""
        return sum((each.behind or 0) > 0 for each in self.proposals)

    def __str__(self) -> str:
        return (
            f"{self.photo.path}: {len(self.proposals)} proposed, {self.alone} alone,"
            f" {self.in_place} in place of a segment, {self.behind} behind one"
        )

    def to_dict(self) -> dict[str, Any]:
        """The photo as the command line's JSON has it."""
        return {
            "photo": self.photo.path,
            "photo_id": self.photo.id,
            "proposed": len(self.proposals),
            "alone": self.alone,
            "in_place_of_indexed": self.in_place,
            "behind_indexed": self.behind,
            "proposals": [each.to_dict() for each in self.proposals],
        }


@dataclass(frozen=True)
class ProposalAccount:
    """What was proposed for a query.

    Attributes:
        prompt: words that the proposer was asked with.
        maker: name of the proposer.
        fingerprint: hex digest of all that decides which masks it proposes.
        photos: photos that were looked at, in the order of their matches.
        kept: number of proposals that were written to the index.
    """

    prompt: str
    maker: str
    fingerprint: str
    photos: tuple[LookedAt, ...] = ()
    kept: int = 0

    def renamed(self, names: Mapping[int, int]) -> ProposalAccount:
        """The account with other ids of segments."""
        photos = tuple(
            replace(photo, proposals=tuple(each.renamed(names) for each in photo.proposals))
            for photo in self.photos
        )
        return replace(self, photos=photos)

    def lines(self) -> list[str]:
        """The account for people, a line each."""
        told = [
            f"proposals for '{self.prompt}': {self.maker} {self.fingerprint[:FINGERPRINT_SHOWN]}"
        ]
        for photo in self.photos:
            told += [str(photo), *(f"  {each}" for each in photo.proposals)]
        return told

    def to_dict(self) -> dict[str, Any]:
        """The account as the command line's JSON has it."""
        return {
            "prompt": self.prompt,
            "maker": self.maker,
            "fingerprint": self.fingerprint,
            "kept": self.kept,
            "photos": [photo.to_dict() for photo in self.photos],
        }
