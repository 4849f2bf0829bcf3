"""Flat FAISS index: float16 vectors, all compared, every score exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from indexer.vectors.exact_search import (
    ROUNDING,
    SCAN_ROWS,
    as_halves,
    best,
    exact_scores,
    scan,
)
from indexer.vectors.faiss_installation import gpus, load_faiss
from indexer.vectors.store import Block, Floats, Hits, Ints

SPARE = 32
MANY = 4
"""From so many questions on, one pass over all vectors is quicker than one for each."""
GPU_MOST = 2048
"""More neighbours than this a GPU index refuses to look for."""
LANES = 8


def width_for(dimension: int) -> int:
    """Components that FAISS is given: a multiple of 8, as its fast loops want; the rest are 0.

    Of 420 components a float16 comparison takes 453 ns, of 424 it takes 52.
    """
    return -(-dimension // LANES) * LANES


def widened(rows: Floats) -> Floats:
    """N×D float32 rows with zeros behind, up to the width that FAISS is given."""
    n, dimension = rows.shape
    wide = np.zeros((n, width_for(dimension)), np.float32)
    wide[:, :dimension] = rows
    return wide


class FlatIndex:
    """All vectors in FAISS's `IDMap2,SQfp16`.

    Where FAISS sees a GPU, candidates of searches without conditions come from a copy there, and
    are scored again exactly. That path has no test: only its guard has.

    Args:
        dimension: components of a vector.
        index: FAISS index read from a file; it stays there until it changes.
    """

    kind = "flat"

    def __init__(self, dimension: int, index: Any = None) -> None:
        self._faiss = load_faiss()
        self.dimension = dimension
        self._mapped = index is not None
        self.index = self._empty() if index is None else index
        self._gpu: Callable[[Floats, int], Ints] | None = None

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def ids(self) -> Ints:
        """All ids, int64, in the order they are held."""
        return np.asarray(self._faiss.vector_to_array(self.index.id_map), np.int64)

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Hold n×D vectors, as float16 rounds them."""
        self._own()
        self.index.add_with_ids(widened(as_halves(vectors)), ids)

    def remove(self, ids: Ints) -> None:
        """Let go of known ids."""
        self._own()
        self.index.remove_ids(self._faiss.IDSelectorBatch(ids))

    def differing(self, ids: Ints, vectors: Floats) -> int:
        """Number of known ids whose vectors are not these (n×D)."""
        held = self.index.reconstruct_batch(ids)[:, : self.dimension]
        return int((held != as_halves(vectors)).any(axis=1).sum())

    def blocks(self) -> Iterator[Block]:
        """All ids and n×D vectors, in the order they are held."""
        ids = self.ids()
        rows = self._faiss.downcast_index(self.index.index)
        for start in range(0, len(ids), SCAN_ROWS):
            some = ids[start : start + SCAN_ROWS]
            yield some, rows.reconstruct_n(start, len(some))[:, : self.dimension]

    def nearest(self, queries: Floats, k: int, allowed: Ints | None) -> list[Hits]:
        """The exact best k for each of N×D questions, among the allowed ids (ascending)."""
        if len(queries) >= MANY:
            return scan(self._among(allowed), queries, k)
        return [self._compared(query, k, allowed) for query in queries]

    def compared_all(self, query: Floats, allowed: Ints | None) -> tuple[Ints, Floats]:
        """All ids, or the allowed ones (ascending), and their inner products in float32."""
        selector = None if allowed is None else _selector(self._faiss, allowed)
        scores, ids = self.index.search(
            widened(query[None]),
            len(self) if allowed is None else len(allowed),
            params=self._faiss.SearchParameters(sel=selector),
        )
        return ids[0], scores[0]

    def _compared(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        """The exact answer to one question.

        FAISS adds in float32 and breaks ties as it likes, so it is asked for some more, and
        believed when the last of them is clearly worse than the k-th exact score.
        """
        gpu = None if allowed is not None else self._on_gpu()
        if gpu is not None and 4 * k + SPARE <= GPU_MOST:
            return self._scored(gpu(query, 4 * k + SPARE), query, k)
        faiss = self._faiss
        selector = None if allowed is None else _selector(faiss, allowed)
        margin = ROUNDING * float(np.linalg.norm(query))
        for asked in (k + SPARE, 8 * (k + SPARE)):
            rough, ids = self.index.search(
                widened(query[None]), asked, params=faiss.SearchParameters(sel=selector)
            )
            found = ids[0][ids[0] >= 0]
            hits = self._scored(found, query, k)
            if len(found) < asked or rough[0, -1] < hits.scores[-1] - margin:
                return hits
        (hits,) = scan(self._among(allowed), query[None], k)
        return hits

    def _among(self, allowed: Ints | None) -> Iterator[Block]:
        if allowed is None:
            yield from self.blocks()
            return
        for ids, rows in self.blocks():
            here = np.isin(ids, allowed)
            if here.any():
                yield ids[here], rows[here]

    def _scored(self, ids: Ints, query: Floats, k: int) -> Hits:
        if not len(ids):
            return Hits.empty(self.dimension)
        ids = np.sort(ids)
        vectors = self.index.reconstruct_batch(ids)[:, : self.dimension]
        return best(ids, exact_scores(vectors, query), vectors, k)

    def _empty(self) -> Any:
        faiss = self._faiss
        width = width_for(self.dimension)
        return faiss.index_factory(width, "IDMap2,SQfp16", faiss.METRIC_INNER_PRODUCT)

    def _own(self) -> None:
        """Copy what lies in a file before it changes, as FAISS ends the process else."""
        self._gpu = None
        if self._mapped:
            mapped = list(self.blocks())
            self._mapped, self.index = False, self._empty()
            for ids, rows in mapped:
                self.index.add_with_ids(widened(rows), ids)

    def _on_gpu(self) -> Callable[[Floats, int], Ints] | None:
        """Finder of candidates on the GPU: (query, k) → ids; None without a GPU."""
        faiss = self._faiss
        if self._gpu is None and gpus(faiss) > 0:
            settings = faiss.GpuIndexFlatConfig()
            settings.useFloat16 = True
            index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), self.dimension, settings)
            for _, rows in self.blocks():
                index.add(rows)
            ids = self.ids()

            def candidates(query: Floats, k: int) -> Ints:
                _, found = index.search(query[None], k)
                return np.asarray(ids[found[0][found[0] >= 0]])

            self._gpu = candidates
        return self._gpu


def _selector(faiss: Any, allowed: Ints) -> Any:
    """A FAISS selector of ascending ids: a bitmap unless they lie far apart."""
    last = int(allowed[-1])
    if last > 1024 * len(allowed) + (1 << 23):
        return faiss.IDSelectorBatch(allowed)
    bits = np.zeros(max(last, 0) + 1, np.bool_)
    bits[allowed[allowed >= 0]] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
