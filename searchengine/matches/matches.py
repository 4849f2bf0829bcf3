"""Matches: the segments that answer a query, best first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from model.errors import QueryError, SegsearchError
from model.masks import rle
from model.percent_sure import percent_sure
from searchengine.matches.explanation import Explanation
from searchengine.matches.match import COLUMNS, CONFIDENT, Match
from searchengine.matches.proposal_account import ProposalAccount
from searchengine.queries.languages.translation import Translation
from searchengine.queries.query import Query

if TYPE_CHECKING:
    from searchengine.matches.match_tables import Shown

LONGEST_LINE = 200  # characters of a query that are told back
SHOWN_IN_NOTEBOOK = 24  # matches


def _share(match: Match) -> float:
    height, width = match.segment.frame
    return match.segment.area / (height * width)


def _age(match: Match) -> tuple[bool, float]:
    taken = match.photo.taken_at
    return taken is None, 0.0 if taken is None else -(taken - datetime.min).total_seconds()


ORDERS: Mapping[str, Callable[[Match], Any]] = {
    "relevance": lambda match: match.rank,
    "date": _age,
    "size": lambda match: -_share(match),
}
"""Orders of matches, by the key of each; what is equal stays as it was."""


@dataclass(frozen=True, eq=False)
class Matches(Sequence[Match]):
    """The answer to one query, best first.

    Attributes:
        items: the matches.
        query: the query in words, for people.
        folder: index folder; "" where none was asked.
        preset: the preset's name.
        asked: the query as it was given, where there was one.
        understood: the query as it was searched: nouns in the singular, without counts, negatives
            of the words told apart.
        not_understood: parts that the search does not heed, each with the reason.
        left_out: lines for people on what the conditions leave out.
        explanation: reading of the words as a referring expression, and what each stage made of
            it; None where nobody asked for that.
        proposals: account of what was proposed; None where nobody asked for that.
        labels: labels that were asked, names with their words; none where a query was.
        passed: ids, int64 ascending, of the segments that need not follow these matches in a
            longer answer; None where there was no query.
        translations: texts of other languages and what they are taken for; none of English ones.
        put_right: whether misspelt words were put right, since nothing was confident as they stood.
    """

    items: tuple[Match, ...]
    query: str
    folder: str
    preset: str
    asked: Query | None = None
    understood: Query | None = None
    not_understood: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    explanation: Explanation | None = None
    proposals: ProposalAccount | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passed: NDArray[np.int64] | None = None
    translations: tuple[Translation, ...] = ()
    put_right: bool = False

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> Matches: ...
    def __getitem__(self, index: int | slice) -> Match | Matches:
        if isinstance(index, slice):
            return replace(self, items=self.items[index])
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.items)

    def ordered(self, order: str) -> Matches:
        """The same matches in another order, their ranks as they are.

        Args:
            order: relevance (as they are), date (newest photo first, without a date last) or size
                (largest share of the photo first).

        Raises:
            QueryError: there is no such order.
        """
        if order not in ORDERS:
            raise QueryError(f"there is no order '{order}'", f"choose one of {', '.join(ORDERS)}")
        key = ORDERS[order]
        return replace(self, items=tuple(sorted(self.items, key=key)))

    def above(self, least: float) -> Matches:
        """The matches of at least this confidence; what has none, as of an example, is left out."""
        sure = (match for match in self.items if (match.confidence or 0.0) >= least)
        return self if least <= 0 else replace(self, items=tuple(sure))

    @property
    def confident(self) -> bool:
        """Whether any match is more likely right than wrong."""
        return any((match.confidence or 0) >= CONFIDENT for match in self.items)

    def __repr__(self) -> str:
        sure = "confident" if self.confident else "not confident"
        return f"Matches({self.query!r}, {len(self)} matches, {sure})"

    def _repr_html_(self) -> str:
        """The first matches with their outlines, as notebooks show them."""
        from searchengine.matches.match_tables import html_page

        some = [self._shown(match) for match in self.items[:SHOWN_IN_NOTEBOOK]]
        return html_page(self.query or repr(self), some, max(len(self) - len(some), 0))

    def _shown(self, match: Match) -> Shown:
        from indexer.thumbnails.thumbnail import thumbnail
        from searchengine.matches.match_tables import Shown

        jpeg = None
        if self.folder:
            with suppress(SegsearchError):  # the outline is shown all the same
                jpeg = thumbnail(Path(self.folder), match.photo)
        (mask,) = rle.decode((match.segment.counts,), match.segment.frame)
        sure = "" if match.confidence is None else f"{percent_sure(match.confidence)} sure"
        return Shown(jpeg, mask, (f"{match.rank}  {sure}", Path(match.photo.path).name))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row a match, its columns `COLUMNS`; extra `tables`.

        Raises:
            ExtraMissing: pandas is not installed.
        """
        from searchengine.matches.match_tables import data_frame

        return data_frame([match.to_row() for match in self], COLUMNS)

    def to_supervision(self) -> dict[str, Any]:
        """`supervision.Detections` of each photo's masks, by the photo's path.

        Boxes and masks are in pixels of the upright photo; a class is a label, where labels were
        asked, else the query.

        Raises:
            ExtraMissing: supervision is not installed.
        """
        from searchengine.matches.match_tables import Detection, detections

        labels = list(self.labels) or [self.query]
        of_photos: dict[str, list[Detection]] = {}
        for match in self:
            x, y, width, height = match.box
            sure = math.nan if match.confidence is None else match.confidence
            of_photos.setdefault(match.photo.path, []).append(
                Detection(
                    (x, y, x + width, y + height),
                    match.mask(),
                    sure,
                    labels[0] if match.label is None else match.label,
                    match.segment_id,
                )
            )
        return {path: detections(each, labels) for path, each in of_photos.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on how the query was read, a line each."""
        lines = [f"not understood: {part}" for part in self.not_understood]
        read = self.understood
        if self.put_right and self.asked is not None:
            lines.append(f"nothing was confident for that; searched: {self.asked.words}")
        lines[:0] = [each.line for each in self.translations]
        if self.asked is not None and read is not None and not self._is_translated:
            plain = " ".join(self.asked.words.lower().split())
            without = [n.words for n in read.negatives[len(self.asked.negatives) :]]
            if without or read.words != plain:
                searched = ", without ".join([read.words, *without])
                lines.insert(0, f"searched: {shorten(searched, LONGEST_LINE, placeholder=' …')}")
        if self.explanation is not None:
            lines += [f"not heeded: {note}" for note in self.explanation.notes]
        return (*lines, *self.left_out)

    @property
    def reading(self) -> list[str]:
        """Reading of the words, and what each stage made of it, a line each."""
        lines = [each.explained for each in self.translations]
        return lines + ([] if self.explanation is None else self.explanation.lines())

    @property
    def _is_translated(self) -> bool:
        """Whether the words themselves are of another language."""
        asked = self.asked
        return asked is not None and any(each.typed == asked.words for each in self.translations)

    def to_dict(self, explain: bool = False) -> dict[str, Any]:
        """The answer as the command line's JSON has it.

        Args:
            explain: whether it tells how the words were read, what each stage made of them, and
                what was proposed.
        """
        read = self.understood
        told = {
            name: None if account is None else account.to_dict()
            for name, account in (
                ("explanation", self.explanation),
                ("proposals", self.proposals),
            )
        }
        return {
            "query": self.query,
            "understood": None
            if read is None
            else {
                "words": read.words,
                "negatives": [{"words": n.words, "weight": n.weight} for n in read.negatives],
                "translations": [each.to_dict() for each in self.translations],
            },
            "not_understood": list(self.not_understood),
            "left_out": list(self.left_out),
            "index": self.folder or None,
            "preset": self.preset,
            "confident": self.confident,
            **(told if explain else {}),
            "matches": [match.to_dict() for match in self.items],
        }
