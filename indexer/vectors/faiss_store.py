"""FAISS store: all vectors compared in float16, or their codes when there are many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from indexer.vectors.embedded_store import EmbeddedStore
from indexer.vectors.exact_search import gathered
from indexer.vectors.faiss_coded import CodedIndex
from indexer.vectors.faiss_flat import FlatIndex, width_for
from indexer.vectors.faiss_installation import load_faiss
from indexer.vectors.store import Floats, Hits, Ints, VectorSource
from model.errors import IndexDamaged, shown

CODED_FROM = 1_000_000


class FaissVectors(EmbeddedStore):
    """Vectors in FAISS.

    Below `coded_from` vectors all are compared, with conditions or without, and every score is
    exact (`faiss_flat`). From there on a search without conditions compares codes and scores the
    best few hundred exactly (`faiss_coded`); one with conditions scans the exact vectors of the
    ids that meet them. The store changes over by itself when it grows past the border.

    Args:
        dimension: components of a vector.
        source: exact vectors and conditions. Asked to build and, when coded, for candidates.
        coded_from: number of vectors from which they are coded.

    Attributes:
        unfiled: number of changes that the cache file does not have.
    """

    def __init__(
        self, dimension: int, source: VectorSource, *, coded_from: int = CODED_FROM
    ) -> None:
        super().__init__(dimension, source.segment_ids)
        self._source = source
        self._coded_from = coded_from
        self._held: FlatIndex | CodedIndex = FlatIndex(dimension)
        self.unfiled = 0

    @classmethod
    def build(
        cls, dimension: int, source: VectorSource, *, coded_from: int = CODED_FROM
    ) -> FaissVectors:
        """A store of all there is, read as a stream; twice when that is enough for codes."""
        store = cls(dimension, source, coded_from=coded_from)
        count = len(source.segment_ids())
        if count >= coded_from:
            blocks = gathered(source.vector_blocks())
            store._held = CodedIndex.trained(dimension, source, blocks, count)
        for ids, vectors in gathered(source.vector_blocks()):
            store.add(ids, vectors)
        return store

    @classmethod
    def read(
        cls, path: Path, dimension: int, source: VectorSource, *, coded_from: int = CODED_FROM
    ) -> FaissVectors:
        """A store as `write` left it at the start of a file; it stays there until it changes.

        Raises:
            IndexDamaged: the file holds no such vectors.
            OSError: the file cannot be read.
        """
        faiss = load_faiss()
        with path.open("rb") as file:
            try:
                name = str(path)
                name.encode()
            except UnicodeEncodeError:  # FAISS takes no other names
                name = f"/dev/fd/{file.fileno()}"
            try:
                index = faiss.read_index(name, faiss.IO_FLAG_MMAP_IFC)
            except (RuntimeError, MemoryError) as error:
                raise IndexDamaged(f"{shown(path)} is no FAISS index") from error
        store = cls(dimension, source, coded_from=coded_from)
        inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else None
        if isinstance(inner, faiss.IndexPQFastScan):
            store._held = CodedIndex(dimension, source, index)
        elif isinstance(index, faiss.IndexIDMap2):
            store._held = FlatIndex(dimension, index)
        else:
            raise IndexDamaged(f"{shown(path)} holds another kind of FAISS index")
        if index.d != width_for(dimension):
            raise IndexDamaged(f"{shown(path)} holds vectors of another length")
        store._ids = np.sort(store._held.ids())
        return store

    def write(self, sink: Callable[[bytes], object]) -> None:
        """Hand the store to `sink`, piece by piece; what `sink` raises is raised here."""
        faiss = load_faiss()
        faiss.write_index(self._held.index, faiss.PyCallbackIOWriter(sink, 1 << 20))

    def differing(self, ids: Ints, vectors: Floats) -> int:
        """Number of known ids (ascending) that the store holds other vectors of than n×D."""
        return self._held.differing(ids, vectors)

    @property
    def kind(self) -> str:
        """`flat` or `coded`."""
        return self._held.kind

    @property
    def worn(self) -> bool:
        """Whether the store should rather be made anew than changed further."""
        return isinstance(self._held, CodedIndex) and self._held.worn

    def _add(self, ids: Ints, vectors: Floats) -> None:
        self._held.add(ids, vectors)
        flat = self._held
        if isinstance(flat, FlatIndex) and len(flat) >= self._coded_from:
            blocks = flat.blocks()
            self._held = CodedIndex.trained(self.dimension, self._source, blocks, len(flat))
            for some, rows in flat.blocks():
                self._held.add(some, rows)

    def _remove(self, ids: Ints) -> None:
        self._held.remove(ids)

    def _nearest(self, queries: Floats, k: int, allowed: Ints | None) -> list[Hits]:
        return self._held.nearest(queries, k, allowed)

    def _compared_all(self, query: Floats, allowed: Ints | None) -> tuple[Ints, Floats]:
        return self._held.compared_all(query, allowed)
