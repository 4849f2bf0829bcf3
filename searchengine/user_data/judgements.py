"""Judgements: segments that were judged right or wrong for words, kept under a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from indexer.user_data.user_data import StoredJudgement, UserData
from model.embeddings import Embeddings
from searchengine.matches.match import Match
from searchengine.opened_index import OpenedIndex
from searchengine.queries.query import MOST_JUDGED, Query
from searchengine.user_data.json_fields import Fields
from searchengine.user_data.kept_query import kept_segments
from searchengine.user_data.kept_segment import KeptSegment


@dataclass(frozen=True, eq=False)
class Judgement:
    """A segment that was judged.

    Attributes:
        words: text that was asked.
        right: whether the segment shows it.
        segment: the segment.
        at: time of the judgement, ISO 8601 in UTC.
    """

    words: str
    right: bool
    segment: KeptSegment
    at: str = ""

    def to_dict(self, *, vector: bool = False) -> dict[str, Any]:
        """The judgement as the command line's JSON has it.

        Args:
            vector: whether the segment's vector is told, without which it cannot be read again.
        """
        segment = self.segment.to_dict(vector=vector)
        return {"words": self.words, "right": self.right, "at": self.at, "segment": segment}


@dataclass(frozen=True)
class JudgementCounts:
    """Counts of the judgements under a name.

    Attributes:
        name: name that they are kept under.
        right, wrong: numbers of segments judged so.
        words: texts that were asked, each once.
    """

    name: str
    right: int
    wrong: int
    words: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The counts as the command line's JSON has them."""
        return asdict(self)


class Judgements:
    """Judgements of an index' segments, kept under names.

    Args:
        opened: index and its models.

    Raises (every method):
        StorageError: what is kept cannot be read or written; the name tells why.
    """

    def __init__(self, opened: OpenedIndex) -> None:
        self._opened = opened
        self._data = UserData(opened.folder)

    def all(self) -> list[JudgementCounts]:
        """Counts of the judgements under each name, by name."""
        kept: dict[str, list[Judgement]] = {}
        for stored in self._data.judgements():
            kept.setdefault(stored.name, []).append(_read(stored))
        return [
            JudgementCounts(
                name,
                sum(each.right for each in some),
                sum(not each.right for each in some),
                tuple(dict.fromkeys(each.words for each in some)),
            )
            for name, some in sorted(kept.items())
        ]

    def get(self, name: str) -> list[Judgement]:
        """The judgements under a name, in the order they were made.

        Raises:
            NameUnknown: there are none.
        """
        return [_read(stored) for stored in self._data.judgements(name)]

    def judge(
        self,
        name: str,
        words: str,
        like: Iterable[Match | int] = (),
        unlike: Iterable[Match | int] = (),
    ) -> None:
        """Keep judgements under a name; a later one of the same segment replaces the former.

        Args:
            name: name to keep them under.
            words: text that was asked.
            like, unlike: matches, or ids of segments, that were judged right or wrong.

        Raises:
            QueryError: a segment is not in the index, or the name is none.
        """
        with self._opened.turn():
            index = self._opened.reader
            records = [
                (kept.item, {"words": words, "right": right, "segment": kept.to_dict()})
                for right, some in ((True, like), (False, unlike))
                for kept in kept_segments(_ids(some), index)
            ]
        if records:
            self._data.judge(name, records)

    def heeded(self, query: Query, name: str) -> Query:
        """The query with the judgements under a name beside its own, which take precedence.

        A segment that the index does not hold (any more) counts by the vector that was kept,
        where that is of the index's space; of very many the latest count.

        Raises:
            NameUnknown: there are none under that name.
        """
        with self._opened.turn():
            catalog = self._opened.reader.catalog
            space = catalog.manifest.space
            own = {*query.like, *query.unlike}
            room = max(MOST_JUDGED - len(own), 0)
            ids: dict[bool, list[int]] = {True: [], False: []}
            vectors: dict[bool, list[np.ndarray[Any, Any]]] = {True: [], False: []}
            for judgement in self.get(name)[::-1][:room]:
                row = judgement.segment.segment_in(catalog)
                if row is not None:
                    if row.id not in own:
                        own.add(row.id)
                        ids[judgement.right].append(row.id)
                elif (found := judgement.segment.vector_in(catalog)) is not None:
                    vectors[judgement.right].append(found.vectors[0])
        more = {
            right: Embeddings(np.stack(some), space) if some else None
            for right, some in vectors.items()
        }
        return replace(
            query,
            like=(*query.like, *ids[True]),
            unlike=(*query.unlike, *ids[False]),
            liked=_joined(query.liked, more[True]),
            unliked=_joined(query.unliked, more[False]),
        )

    def remove(self, name: str) -> int:
        """Forget the judgements under a name; returns how many there were.

        Raises:
            NameUnknown: there are none.
        """
        return self._data.forget_judgements(name)


def _read(stored: StoredJudgement) -> Judgement:
    told = Fields(stored.record, f"a judgement of '{stored.name}'")
    segment = KeptSegment.from_dict(told.inner_record("segment"))
    return Judgement(told.text("words"), told.flag("right", True), segment, stored.at)


def _ids(some: Iterable[Match | int]) -> Sequence[int]:
    ids = (each.segment_id if isinstance(each, Match) else int(each) for each in some)
    return tuple(dict.fromkeys(ids))


def _joined(one: Embeddings | None, other: Embeddings | None) -> Embeddings | None:
    if one is None or other is None:
        return other if one is None else one
    return Embeddings(np.concatenate([one.vectors, other.vectors]), one.space)
