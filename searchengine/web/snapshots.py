"""Snapshots: answers that were given lately, kept to be looked through and exported."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe

import numpy as np
from numpy.typing import NDArray

from model.errors import SearchGone
from searchengine.search.query import Query

SECONDS = 600.0
MOST = 64


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Answer to one search: numbers only, whatever they are of is read when it is shown.

    Attributes:
        query: query that was asked.
        words: words as they were given.
        generation: generation of the index that answered.
        ids: n int64, segment ids, best first.
        scores: n float32.
        confidences: n float32; nan where there is none.
        merged: ids of the segments that an answer stands for, by its id.
        duplicates: ids of the photos that look like an answer's, by its id.
        id: name of the snapshot, not to be guessed.
    """

    query: Query
    words: str
    generation: int
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    confidences: NDArray[np.float32]
    merged: Mapping[int, tuple[int, ...]]
    duplicates: Mapping[int, tuple[int, ...]]
    id: str = field(default_factory=lambda: token_urlsafe(12))

    def __len__(self) -> int:
        return len(self.ids)


class Snapshots:
    """The snapshots of the last minutes; threads may share one.

    Args:
        seconds: time that each is kept.
        most: number that are kept; the oldest go first.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Snapshot]] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            self._drop_old()
            return len(self._kept)

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, in place of one of the same name."""
        with self._lock:
            self._kept.pop(snapshot.id, None)
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
        while self._kept:
            name, (made, _) = next(iter(self._kept.items()))
            if made >= oldest and len(self._kept) <= self._most:
                return
            del self._kept[name]
