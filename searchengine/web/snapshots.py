"""Snapshots: answers that were given lately, kept to be looked through and exported."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from model.errors import QueryError, SearchGone
from searchengine.overview.arrangement import Group, Order
from searchengine.queries.query import Query

SECONDS = 600.0
MOST = 64
MOST_BYTES = 256 << 20
Steps = Generator[None, None, None]


@dataclass(frozen=True)
class Arranging:
    """Wishes for an answer: its order, its groups, and its cut-off."""

    order: Order = Order.relevance
    group: Group = Group.segment
    least_confidence: float = 0.0


class Rows(NamedTuple):
    """Matches as numbers: n ids (int64), n scores, and confidences of the first of them."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    confidences: NDArray[np.float32]


@dataclass(eq=False)
class Snapshot:
    """Answer to one search: numbers only, whatever they are of is read when it is shown.

    The first matches are there at once; all others, and whatever needs them, when it is complete.

    Attributes:
        query: query that was asked.
        words: words as they were given.
        generation: generation of the index that answered.
        wanted: order, groups and cut-off.
        rows: matches that are known; before it is complete, the first ones in plain order.
        total: number of matches, as far as that is known.
        complete: whether `rows` and `total` are what they stay.
        merged: ids of the segments that a match stands for, by its id.
        duplicates: ids of the photos that look like a match's, by its id.
        steps: work that is left until it is complete.
        judge: rule that tells the confidence of matches (N×D vectors) that have none yet.
        id: name of the snapshot, not to be guessed.
    """

    query: Query
    words: str
    generation: int
    wanted: Arranging
    rows: Rows
    total: int
    complete: bool
    merged: Mapping[int, tuple[int, ...]]
    duplicates: Mapping[int, tuple[int, ...]]
    steps: Steps | None = None
    judge: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    id: str = field(default_factory=lambda: token_urlsafe(12))

    @property
    def total_is_exact(self) -> bool:
        """Whether no more matches than `total` will show."""
        return self.complete or not (self.wanted.least_confidence or self.rearranged)

    @property
    def rearranged(self) -> bool:
        """Whether another order than the plain one, or groups, are wanted."""
        return (self.wanted.order, self.wanted.group) != (Order.relevance, Group.segment)

    def knows(self, offset: int, limit: int) -> bool:
        """Whether these places can be shown before it is complete."""
        return self.complete or (not self.rearranged and offset + limit <= len(self.rows.ids))

    def finish(self) -> None:
        """Do what is left to make it complete; by the engine's thread alone.

        Raises:
            SearchGone: a step failed before, or does now.
        """
        if self.steps is not None:
            for _ in self.steps:
                pass
        if not self.complete:  # a step failed, which nobody waited for then
            raise SearchGone("this search could not be brought to an end", "ask it again")

    def page(self, offset: int, limit: int, catalog: CatalogReader) -> Rows:
        """Some of the matches, with a confidence for each; nan where there is none."""
        some = slice(offset, offset + limit)
        ids, scores = self.rows.ids[some], self.rows.scores[some]
        known = self.rows.confidences
        confidences = known[some]
        if (left := ids[len(confidences) :]).size:
            rest = np.full(len(left), np.nan, np.float32)
            if self.judge is not None:
                with suppress(QueryError):  # one of them is gone since
                    rest = self.judge(catalog.vectors_of(left))
                if len(known) and not self.rearranged:
                    rest = np.minimum.accumulate(np.minimum(rest, known[-1]))
            confidences = np.concatenate([confidences, rest])
        return Rows(ids, scores, confidences)

    @property
    def bytes(self) -> int:
        """Bytes of its numbers."""
        return sum(column.nbytes for column in self.rows)


class Snapshots:
    """The snapshots of the last minutes; threads may share one.

    Args:
        seconds: time that each is kept.
        most: number that are kept; the oldest go first.
        most_bytes: bytes that they may take together; the newest is kept all the same.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._most_bytes = seconds, most, most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Snapshot]] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            self._drop_old()
            return len(self._kept)

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        with self._lock:
            self._kept[snapshot.id] = self._clock(), snapshot
            self._drop_old()

    def of(self, name: str) -> Snapshot:
        """The snapshot of that name.

        Raises:
            SearchGone: none of that name was made lately.
        """
        with self._lock:
            self._drop_old()
            if name not in self._kept:
                raise SearchGone("this search is no longer remembered", "ask it again")
            return self._kept[name][1]

    def _drop_old(self) -> None:
        oldest = self._clock() - self._seconds
        held = sum(snapshot.bytes for _, snapshot in self._kept.values())
        while self._kept:
            name, (made, snapshot) = next(iter(self._kept.items()))
            many = len(self._kept) > self._most or held > self._most_bytes
            if made >= oldest and not (many and len(self._kept) > 1):
                return
            held -= snapshot.bytes
            del self._kept[name]
