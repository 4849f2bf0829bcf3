"""MilvusKeeper: a collection in Milvus, brought up to a catalog in PostgreSQL.

The catalog is the truth; the collection is a cache that everyone shares. Ids of segments are given
in the order of commits and never twice, so what the collection lacks are the ids above the highest
that it was given, and what it has too many are ids that the catalog lacks: nothing else need be
written down of what is still to be done. Whoever searches or indexes does it, one at a time;
whatever is interrupted is done again, and twice is once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from indexer.catalog.postgres.database import fetched
from indexer.catalog.postgres.postgres_reader import PostgresReader
from indexer.vectors.exact_search import contains
from indexer.vectors.keeper import KeepingReport, VectorKeeper
from indexer.vectors.milvus_index import milvus_index
from indexer.vectors.milvus_server import MilvusServer
from indexer.vectors.milvus_store import MilvusVectors
from indexer.vectors.store import Ints, VectorStore
from model.errors import StorageError

_LOCK = "milvus"
_BLOCK = 4096  # vectors read at once


class MilvusKeeper(VectorKeeper):
    """Keeper of the collection of one catalog.

    Args:
        catalog: the catalog.
        uri: address of the Milvus server.
        index: type of the index that a new collection is made with.
    """

    def __init__(self, catalog: PostgresReader, uri: str, index: str) -> None:
        self._catalog = catalog
        self._store = MilvusVectors(
            MilvusServer(uri),
            f"segsearch_{catalog.manifest.catalog_id}",
            catalog.manifest.space.dimension,
            catalog,
            milvus_index(index),
            present=self._present,
        )

    def vectors(self) -> VectorStore:
        """The vectors of all segments, as new as the catalog."""
        self.sync(writable=True)
        return self._store

    def sync(self, *, writable: bool) -> KeepingReport:
        """Bring the collection up to the catalog; where it is not to be written, see that it is.

        Raises:
            StorageError: the server does not answer.
        """
        action = "used"
        if not self._is_current():
            if not writable:
                return KeepingReport("used", False, "the collection in Milvus is behind")
            with self._turn():
                if not self._is_current():  # somebody else may have done it meanwhile
                    action = self._caught_up()
        self.report = KeepingReport(action, True, "")
        return self.report

    def sync_if_behind(self) -> str:
        """Bring the collection up to the catalog; one line where that failed."""
        try:
            self.sync(writable=True)
        except StorageError as error:
            return f"the collection in Milvus was not brought up to date: {error}"
        return ""

    def problems(self) -> list[str]:
        """Faults of the collection, a line each: its ids, and its vectors, are compared."""
        with self._catalog.snapshot():
            if not self._is_current():
                return ["the collection in Milvus is behind; the next search brings it up to date"]
            held, wanted = self._store.ids(), self._catalog.segment_ids()
            missing = int((~contains(held, wanted)).sum())
            gone = int((~contains(wanted, held)).sum())
            if missing or gone:
                return [
                    f"the collection in Milvus lacks {missing} segments and holds {gone} that are"
                    " gone"
                ]
            other = sum(self._store.differing(*block) for block in self._catalog.vector_blocks())
        return [f"the collection in Milvus holds {other} other vectors"] if other else []

    def rebuild(self) -> KeepingReport:
        """Make the collection anew."""
        with self._turn():
            self._store.drop()
            self._caught_up()
        self.report = KeepingReport("rebuilt", True, "")
        return self.report

    def _is_current(self) -> bool:
        """Whether the collection holds the state that this thread reads, or a later one."""
        # it is made in turn, or two would make it at once
        held = self._store.watermark if self._store.is_made() else None
        if held is None:
            return False
        return held.generation >= self._catalog.generation and self._is_ours(held)

    def _is_ours(self, held: tuple[str, int, str]) -> bool:
        """Whether the catalog, as it is now, is in a state or was once in it."""
        catalog_id, generation, revision = held
        with self._catalog.database.alone() as connection:  # not what a snapshot sees
            found = fetched(
                connection,
                "SELECT encode(revision, 'hex') FROM revisions WHERE generation = %s",
                generation,
            )
        return catalog_id == self._catalog.manifest.catalog_id and found == [(revision,)]

    def _caught_up(self) -> str:
        """Do what is to be done; what was done: `mended` or `rebuilt`."""
        aim = self._store.aim
        action = "mended"
        if aim is None or not self._is_ours(aim):
            # made of another catalog, or of one that went another way since a back-up: its ids
            # may mean other segments
            self._store.drop()
            action = "rebuilt"
        broke_off, last = self._store.watermark is None, self._store.last_id
        with self._catalog.snapshot():
            watermark = self._catalog.watermark
            self._store.begin(watermark)
            if broke_off:
                self._make_equal()
            else:
                for ids, vectors in self._catalog.vector_blocks(last):
                    self._store.put(ids, vectors)
                if len(self._store) != self._catalog.counts().segments:
                    self._make_equal()
            self._store.mark(watermark)
        return action

    def _make_equal(self) -> None:
        """Compare all ids; put what is missing, and remove what is gone."""
        held, wanted = self._store.ids(), self._catalog.segment_ids()
        highest = int(wanted.max(initial=0))
        missing = wanted[~contains(held, wanted)]
        for start in range(0, len(missing), _BLOCK):
            ids = missing[start : start + _BLOCK]
            self._store.put(ids, self._catalog.vectors_of(ids))
        gone = held[~contains(wanted, held)]
        # what lies above was given by somebody who reads a later state
        self._store.remove(gone[gone <= highest])

    def _present(self, ids: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which ids the catalog has, as this thread reads it."""
        with self._catalog.database.reading() as connection:
            rows = fetched(
                connection, "SELECT id FROM segments WHERE id = ANY(%s::bigint[])", ids.tolist()
            )
        return np.isin(ids, np.array([row[0] for row in rows], np.int64))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One's turn to write to the collection; it ends with the connection, whatever happens."""
        with self._catalog.database.alone() as connection:
            lock = "hashtext(current_schema() || %s)"
            connection.execute(f"SELECT pg_advisory_lock({lock})", (_LOCK,))
            try:
                yield
            finally:
                if not connection.closed:
                    connection.execute(f"SELECT pg_advisory_unlock({lock})", (_LOCK,))
