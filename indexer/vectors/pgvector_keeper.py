"""PgvectorKeeper: vectors in the catalog's own database, of which only the graph is kept."""

from __future__ import annotations

from indexer.catalog.postgres.postgres_reader import PostgresReader
from indexer.vectors.keeper import KeepingReport, VectorKeeper
from indexer.vectors.pgvector_graph import VectorGraph
from indexer.vectors.pgvector_store import PgVectors
from indexer.vectors.store import VectorStore
from model.errors import IndexReadOnly, StorageError


class PgvectorKeeper(VectorKeeper):
    """Keeper of the graph over a catalog's vectors, which are written with their photos.

    Args:
        catalog: the catalog.
    """

    def __init__(self, catalog: PostgresReader) -> None:
        self._store = PgVectors(catalog.database, catalog.manifest.space.dimension)
        self._graph = VectorGraph(catalog.database)
        self.report = KeepingReport("used", True, "")

    def vectors(self) -> VectorStore:
        """The vectors of all segments."""
        return self._store

    def sync(self, *, writable: bool) -> KeepingReport:
        """Make the graph where it is due and may be made."""
        made = writable and self._graph.make()
        self.report = KeepingReport("rebuilt" if made else "used", True, "")
        return self.report

    def sync_if_behind(self) -> str:
        """Make the graph where it is due; one line where that failed, and searches take longer."""
        try:
            self._graph.make()
        except IndexReadOnly:  # only the owner of a table may
            return ""
        except StorageError as error:
            return f"the graph of the vectors could not be made: {error}"
        return ""

    def problems(self) -> list[str]:
        """Faults of the graph; vectors themselves are judged by the catalog's check."""
        return self._graph.problems()

    def rebuild(self) -> KeepingReport:
        """Make the graph anew."""
        self._graph.drop()
        return self.sync(writable=True)
