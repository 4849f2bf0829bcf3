"""Vectors in FAISS: all compared in float16, or grouped in lists of bytes when there are many.

The only file that knows what FAISS can do; importing it does not load FAISS, using it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from indexer.vectors.faiss_installation import gpus, load_faiss
from indexer.vectors.store import (
    ROUNDING,
    SCAN_ROWS,
    Floats,
    Hits,
    Ints,
    VectorSource,
    VectorStore,
    as_halves,
    best,
    exact_scores,
    gathered,
    scan,
    scan_source,
    vectors_there,
)
from model.errors import IndexDamaged, shown

GROUPED_FROM = 1_000_000
PROBES = 64
GPU_MOST = 2048
"""More neighbours than this a GPU index refuses to look for."""
SPARE = 32


class FaissVectors(VectorStore):
    """Vectors in FAISS.

    Below `grouped_from` vectors the index is `IDMap2,SQfp16`: all are compared, with a filter or
    without, and every score is exact. From there on it is `IVF,SQ8`: a free search looks through
    the nearest groups, and what it finds is scored by its bytes there, some 0.001 from exactly;
    a restricted search scans the exact vectors of the allowed ids. The store changes over by itself
    when it grows past the border.

    Where FAISS sees a GPU, candidates of free searches come from a copy of the index there, and
    are scored again exactly. That path has no test: only its guard has.

    Args:
        dimension: of the vectors.
        truth: where the exact vectors are. Asked to build and, when grouped, for some of them.
        grouped_from: how many vectors are too many to compare them all.
    """

    def __init__(
        self,
        dimension: int,
        truth: VectorSource,
        *,
        grouped_from: int = GROUPED_FROM,
    ) -> None:
        super().__init__(dimension)
        self._faiss = load_faiss()
        self._truth = truth
        self._grouped_from = grouped_from
        self._mapped = False
        self._gpu: Callable[[Floats, int], Ints] | None = None
        self._index = self._flat()

    @classmethod
    def build(
        cls,
        dimension: int,
        truth: VectorSource,
        *,
        grouped_from: int = GROUPED_FROM,
    ) -> FaissVectors:
        """A store of all there is, read as a stream; twice when that is enough for groups."""
        store = cls(dimension, truth, grouped_from=grouped_from)
        count = len(truth.segment_ids())
        if count >= grouped_from:
            store._index = store._groups(gathered(truth.vector_blocks()), count)
        for ids, vectors in gathered(truth.vector_blocks()):
            store.add(ids, vectors)
        return store

    @classmethod
    def read(
        cls,
        path: Path,
        truth: VectorSource,
        *,
        grouped_from: int = GROUPED_FROM,
    ) -> FaissVectors:
        """A store as `write` left it at the start of a file; it stays there until it changes.

        Raises:
            IndexDamaged: FAISS does not understand the file.
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
        store = cls(index.d, truth, grouped_from=grouped_from)
        flat = isinstance(index, faiss.IndexIDMap2)
        if not flat and not isinstance(index, faiss.IndexIVFScalarQuantizer):
            raise IndexDamaged(f"{shown(path)} holds another kind of FAISS index")
        store._index, store._mapped = index, True
        store._ids = np.sort(store._stored_ids())
        return store

    def write(self, sink: Callable[[bytes], object]) -> None:
        """Hand the store to `sink`, piece by piece; what `sink` raises is raised here."""
        faiss = self._faiss
        faiss.write_index(self._index, faiss.PyCallbackIOWriter(sink, 1 << 20))

    @property
    def kind(self) -> str:
        """`flat` or `grouped`."""
        return "flat" if isinstance(self._index, self._faiss.IndexIDMap2) else "grouped"

    @property
    def outgrown(self) -> bool:
        """Whether the groups were made for a quarter of the vectors there are now, or fewer."""
        return self.kind == "grouped" and 2 * self._index.nlist <= _group_count(len(self))

    def _add(self, ids: Ints, vectors: Floats) -> None:
        self._changes()
        # Rounded to float16 first, so that the bytes of a group are made from what is exact.
        self._index.add_with_ids(as_halves(vectors), ids)
        if self.kind == "flat" and self._index.ntotal >= self._grouped_from:
            flat = self._index
            self._index = self._groups(self._flat_blocks(flat), flat.ntotal)
            for some, rows in self._flat_blocks(flat):
                self._index.add_with_ids(rows, some)

    def _remove(self, ids: Ints) -> None:
        self._changes()
        self._index.remove_ids(self._faiss.IDSelectorBatch(ids))

    def _nearest(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        flat = self.kind == "flat"
        if allowed is not None and not flat:
            known = allowed[self._knows(allowed)]
            return scan_source(self._truth, known, len(self), query, k)
        gpu = None if allowed is not None else self._on_gpu()
        if gpu is not None and 4 * k + SPARE <= GPU_MOST:
            return self._scored(gpu(query, 4 * k + SPARE), query, k)
        if flat:
            return self._compared(query, k, allowed)
        return self._probed(query, k)

    def _compared(self, query: Floats, k: int, allowed: Ints | None) -> Hits:
        """The exact answer of the flat index.

        FAISS adds in float32 and breaks ties as it likes, so it is asked for some more, and
        believed when the last of them is clearly worse than the k-th exact score.
        """
        faiss = self._faiss
        chosen = None if allowed is None else _selector(faiss, allowed)
        margin = ROUNDING * float(np.linalg.norm(query))
        for asked in (k + SPARE, 8 * (k + SPARE)):
            rough, ids = self._index.search(
                query[None], asked, params=faiss.SearchParameters(sel=chosen)
            )
            found = ids[0][ids[0] >= 0]
            hits = self._scored(found, query, k)
            if len(found) < asked or rough[0, -1] < hits.scores[-1] - margin:
                return hits
        pieces = self._flat_blocks(self._index)
        if allowed is None:
            return scan(pieces, query, k)
        places = ((np.isin(ids, allowed), ids, rows) for ids, rows in pieces)
        return scan(((ids[here], rows[here]) for here, ids, rows in places), query, k)

    def _probed(self, query: Floats, k: int) -> Hits:
        lists = self._index.nlist
        probes = max(PROBES, lists // PROBES, k // 8)
        while True:
            parameters = self._faiss.SearchParametersIVF(nprobe=min(probes, lists))
            # the bytes are in memory, the exact vectors would be read here and there from the disk
            _, ids, vectors = self._index.search_and_reconstruct(query[None], k, params=parameters)
            found = ids[0] >= 0
            if probes >= lists or found.all():
                ids, vectors = ids[0][found], vectors[0][found]
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                return best(ids, exact_scores(vectors, query), vectors, k)
            probes *= 4

    def _scored(self, ids: Ints, query: Floats, k: int) -> Hits:
        if not len(ids):
            return Hits.empty(self.dimension)
        ids = np.sort(ids)
        if self.kind == "grouped":
            ids, vectors = vectors_there(self._truth, ids)
            vectors = as_halves(vectors)
        else:
            vectors = self._index.reconstruct_batch(ids)
        return best(ids, exact_scores(vectors, query), vectors, k)

    def _flat(self) -> Any:
        faiss = self._faiss
        return faiss.index_factory(self.dimension, "IDMap2,SQfp16", faiss.METRIC_INNER_PRODUCT)

    def _groups(self, blocks: Iterable[tuple[Ints, Any]], count: int) -> Any:
        """An empty index with groups for `count` vectors, learnt from a sample of them."""
        faiss = self._faiss
        groups = _group_count(count)
        index = faiss.index_factory(self.dimension, f"IVF{groups},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1  # else it complains on stderr of small collections
        rng = np.random.default_rng(0)
        share = 40 * groups / count  # FAISS wants 39 examples a group
        sample = [rows[rng.random(len(rows)) < share] for _, rows in blocks]
        index.train(np.concatenate(sample).astype(np.float32))
        return index

    def _flat_blocks(self, flat: Any) -> Iterator[tuple[Ints, Floats]]:
        ids = self._faiss.vector_to_array(flat.id_map)
        rows = self._faiss.downcast_index(flat.index)
        for i in range(0, len(ids), SCAN_ROWS):
            some = ids[i : i + SCAN_ROWS]
            yield some, rows.reconstruct_n(i, len(some))

    def _stored_ids(self) -> Ints:
        faiss, index = self._faiss, self._index
        if self.kind == "flat":
            return np.asarray(faiss.vector_to_array(index.id_map), np.int64)
        lists = index.invlists
        sizes = [lists.list_size(i) for i in range(index.nlist)]
        pieces = [faiss.rev_swig_ptr(lists.get_ids(i), n) for i, n in enumerate(sizes) if n]
        return np.concatenate([np.zeros(0, np.int64), *pieces])

    def _changes(self) -> None:
        """Before every change: what lies in a file is copied, as FAISS ends the process else."""
        self._gpu = None
        if not self._mapped:
            return
        self._mapped = False
        if self.kind == "flat":
            mapped, self._index = self._index, self._flat()
            for ids, rows in self._flat_blocks(mapped):
                self._index.add_with_ids(rows, ids)
        else:
            mapped = self._index.invlists
            owned = self._faiss.ArrayInvertedLists(mapped.nlist, mapped.code_size)
            for i in range(mapped.nlist):
                owned.add_entries(i, mapped.list_size(i), mapped.get_ids(i), mapped.get_codes(i))
            self._index.replace_invlists(owned, True)
            owned.this.disown()

    def _on_gpu(self) -> Callable[[Floats, int], Ints] | None:
        """What finds candidates on the GPU: (query, k) → ids; None without a GPU."""
        faiss = self._faiss
        if self._gpu is None and gpus(faiss) > 0:
            resources = faiss.StandardGpuResources()
            if self.kind == "grouped":
                index = faiss.index_cpu_to_gpu(resources, 0, self._index)
                index.nprobe = min(max(PROBES, index.nlist // PROBES), index.nlist)
                ids = None
            else:
                settings = faiss.GpuIndexFlatConfig()
                settings.useFloat16 = True
                index = faiss.GpuIndexFlatIP(resources, self.dimension, settings)
                for _, rows in self._flat_blocks(self._index):
                    index.add(rows)
                ids = self._stored_ids()

            def candidates(query: Floats, k: int) -> Ints:
                _, found = index.search(query[None], k)
                places = found[0][found[0] >= 0]
                return np.asarray(places if ids is None else ids[places], np.int64)

            self._gpu = candidates
        return self._gpu


def _group_count(vectors: int) -> int:
    return max(1, min(vectors, round(4 * sqrt(vectors))))


def _selector(faiss: Any, allowed: Ints) -> Any:
    """A FAISS selector of ascending ids: a bitmap unless they lie far apart."""
    last = int(allowed[-1])
    if last > 1024 * len(allowed) + (1 << 23):
        return faiss.IDSelectorBatch(allowed)
    bits = np.zeros(max(last, 0) + 1, np.bool_)
    bits[allowed[allowed >= 0]] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
