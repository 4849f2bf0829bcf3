"""Searching an index whose vectors a server holds, beside that server's own plain query.

Both sides ask by turns in one process: ours from words to matches, the plain one by encoding the
text and asking for 20 rows by the same index, at the same width; and the store alone beside the
plain query. What is found is compared with comparing all, under conditions, too. All figures are
medians; CPU is that of this process and of the server's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from synthetic import random_centres, unit

from indexer.backends import create_catalog, keeper_of, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.filter import Filter
from indexer.catalog.records import FileStamp, IndexedPhoto, Manifest
from indexer.location import index_folder
from indexer.vectors.store import VectorStore
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import IndexMissing
from model.masks.segments import Segments
from model.photos.images import PhotoHeader
from model.presets.preset import load_preset

K = 20
QUESTIONS = 60
A_PHOTO = 120
COLOURS = "red orange yellow green blue purple black white brown grey"
THINGS = """door car umbrella cup dog cat chair flower bicycle boat hat shirt window lamp book bird
horse bag shoe table wheel sign roof tree"""
Floats = NDArray[np.float32]
Plain = Callable[[Floats], None]
Cpu = Callable[[], float]
Cost = tuple[float, float]
"""Seconds, and seconds of CPU."""


def search(uri: str, segments: int) -> None:
    """Figures of an index at a URI, which is filled first where it is not there."""
    preset = load_preset("nano")
    embed = preset.build().embedder.embed_texts
    texts = [f"{colour} {thing}" for colour, thing in product(COLOURS.split(), THINGS.split())]
    texts = np.random.default_rng(0).permutation(texts).tolist()
    space = preset.space
    centres = np.concatenate([random_centres(space.dimension), embed(texts).vectors])
    folder = index_folder(uri)
    with suppress(IndexMissing), open_catalog(folder) as catalog:
        report(uri, catalog, texts, centres)
        return
    made_with = {"fingerprint": preset.fingerprint, "source": ""}
    manifest = Manifest(preset.name, space, made_with, "bench", "2026-01-01T00:00:00+00:00")
    with create_catalog(folder, manifest) as catalog:
        fill(catalog, segments, centres, space)
        report(uri, catalog, texts, centres)


def fill(catalog: Catalog, segments: int, centres: Floats, space: EmbeddingSpace) -> None:
    """Photos of 120 segments that nobody took, around some centres."""
    rng, shapes = np.random.default_rng(0), _shapes()
    began, photo = time.perf_counter(), 0
    while A_PHOTO * photo < segments:
        photo += 1
        near = centres[rng.integers(0, len(centres), A_PHOTO)]
        vectors = Embeddings(unit(near + 0.5 * unit(rng.standard_normal(near.shape))), space)
        catalog.add_photo(
            IndexedPhoto(
                photo.to_bytes(32, "big"),
                PhotoHeader("JPEG", (384, 512), 1, None, None, None, None),
                int(rng.integers(-(2**63), 2**63 - 1)),
                shapes,
                vectors,
                vectors[:1],
                0.1,
                photo.to_bytes(32, "little"),
            ),
            FileStamp(f"/p/{photo % 100}/{photo}.jpg", 1, 1),
        )
    took = 1000 * (time.perf_counter() - began) / photo
    print(f"{photo:,} photos of 120 segments stored, {took:.1f} ms each", flush=True)


def _shapes() -> Segments:
    rng = np.random.default_rng(0)
    masks = np.zeros((A_PHOTO, 48, 64), np.bool_)
    for number in range(A_PHOTO):
        y, x, height, width = rng.integers(0, 24, 4)
        masks[number, y : y + height + 4, x : x + width + 20] = True
    return Segments.from_masks(masks)


def report(
    uri: str,
    catalog: Catalog,
    texts: Sequence[str],
    centres: Floats,
) -> None:
    """Recall and times, a line each."""
    keeper = keeper_of(catalog.folder, catalog)
    began = time.perf_counter()
    keeper.sync(writable=True)
    print(f"vectors made ready in {time.perf_counter() - began:.0f} s", flush=True)
    store, plain = keeper.vectors(), plain_query(uri, catalog)
    plain(centres[0])
    compare_store(catalog, store, plain, cpu_of(uri, catalog), centres)
    compare_path(uri, catalog, texts, plain)


def compare_store(
    catalog: Catalog, store: VectorStore, plain: Plain, cpu: Cpu, centres: Floats
) -> None:
    """The store's answers beside those of comparing all, and its time beside the plain query's."""
    rng = np.random.default_rng(1)
    spread = unit(rng.standard_normal((QUESTIONS, centres.shape[1])))
    questions = unit(centres[rng.integers(0, len(centres), QUESTIONS)] + 0.6 * spread)
    blocks = [(ids, questions @ _halves(rows).T) for ids, rows in catalog.vector_blocks()]
    ids = np.concatenate([some for some, _ in blocks])
    scores = np.concatenate([some for _, some in blocks], axis=1)
    photos = len(catalog.photo_ids())
    for name, where in (
        ("all", None),
        ("1 % by folder", Filter(path_glob="/p/7/*")),
        ("1 % by ids", Filter(photo_ids=tuple(range(1, photos, 100)))),
        ("10 % by folders", Filter(path_glob="/p/[1-9]?/*5.jpg")),
        ("50 % by ids", Filter(photo_ids=tuple(range(1, photos, 2)))),
        ("0.8 % by size", Filter(min_area=0.35)),
    ):
        allowed = np.searchsorted(ids, catalog.segment_ids(where))
        recall, ours, theirs = [], [], []
        for question, row in zip(questions, scores, strict=True):
            theirs.append(_cost(lambda q=question: plain(q), cpu))  # type: ignore[misc]
            ours.append(_cost(lambda q=question, w=where: store.search(q, K, w), cpu))  # type: ignore[misc]
            hits = store.search(question, K, where)
            best = ids[allowed[np.argsort(-row[allowed], kind="stable")[:K]]]
            recall.append(len(set(best.tolist()) & set(hits.ids.tolist())) / len(best))
        _tell(f"{name} ({len(allowed):,}): recall@20 {np.mean(recall):.3f},", ours, theirs)


def compare_path(uri: str, catalog: Catalog, texts: Sequence[str], plain: Plain) -> None:
    """From words to matches, beside encoding the words and the plain query; each text once."""
    from searchengine.engine import SearchEngine

    with SearchEngine.open(uri) as engine:
        engine.search("anything")
        cpu = cpu_of(uri, catalog)  # now that the engine is connected, too
        embed = engine.models.embedder.embed_texts
        taken: list[list[Cost]] = [[], []]
        for number, text in enumerate(texts[: 2 * (QUESTIONS + 5)]):
            if number % 2:
                cost = _cost(lambda t=text: plain(embed([t]).vectors[0]), cpu)  # type: ignore[misc]
            else:
                cost = _cost(lambda t=text: engine.search(t, k=K), cpu)  # type: ignore[misc]
            taken[number % 2].append(cost)
        _tell("from words to matches:", taken[0][5:], taken[1][5:])


def plain_query(uri: str, catalog: Catalog) -> Plain:
    """The server's own query for 20 rows and their vectors."""
    return milvus_query(catalog) if "+milvus" in uri else pgvector_query(catalog)


def pgvector_query(catalog: Catalog) -> Plain:
    """The query of pgvector, by the graph at the width that is used."""
    from pgvector import HalfVector

    from indexer.vectors.pgvector_graph import covered
    from indexer.vectors.pgvector_store import EF_LEAST

    database = catalog.database  # type: ignore[attr-defined]
    with database.reading() as connection:
        last = covered(connection) or 0

    def ask(question: Floats) -> None:
        with database.alone() as connection:
            if not getattr(connection, "is_wide", False):
                connection.execute(f"SET hnsw.ef_search = {EF_LEAST}")
                connection.is_wide = True
            connection.execute(
                f"SELECT segment_id, vector FROM vectors WHERE segment_id <= {last}"
                f" ORDER BY vector <#> %b LIMIT {K}",
                (HalfVector(question.astype(np.float16)),),
                binary=True,
            ).fetchall()

    return ask


def milvus_query(catalog: Catalog) -> Plain:
    """The query of Milvus, by the collection's index with the parameters that are used."""
    from indexer.vectors.milvus_index import METRIC

    collection = keeper_of(catalog.folder, catalog)._store._collection  # type: ignore[attr-defined]
    params = {"metric_type": METRIC, "params": collection._index.searching(K)}

    def ask(question: Floats) -> None:
        collection.ask(
            lambda client: client.search(
                collection._name,
                data=[question.tolist()],
                limit=K,
                output_fields=["vector"],
                search_params=params,
            )
        )

    return ask


def cpu_of(uri: str, catalog: Catalog) -> Cpu:
    """CPU seconds so far of this process and of those of the server that answer it (Linux)."""
    pids = [os.getpid()]
    with catalog.database.alone() as connection:  # type: ignore[attr-defined]
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'segsearch'"
        ).fetchall()
        pids += [pid for (pid,) in found]
    if "+milvus" in uri:
        pids += [
            int(each.parent.name)
            for each in Path("/proc").glob("[0-9]*/cmdline")
            if b"milvus_lite" in each.read_bytes()
        ]

    def seconds() -> float:
        ran = 0
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                ran += int(task.read_text().split()[0])
        return ran / 1e9

    return seconds


def _halves(rows: Floats) -> Floats:
    return rows.astype(np.float16).astype(np.float32)


def _cost(deed: Callable[[], object], cpu: Cpu) -> Cost:
    ran, began = cpu(), time.perf_counter()
    deed()
    return time.perf_counter() - began, cpu() - ran


def _tell(name: str, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
    (one, cpu), (other, other_cpu) = (1000 * np.median(side, axis=0) for side in (ours, theirs))
    print(
        f"{name} p50 {one:.1f} ms, plain {other:.1f} ms, ratio {one / other:.2f};"
        f" CPU {cpu:.1f} ms, plain {other_cpu:.1f} ms, ratio {cpu / other_cpu:.2f}",
        flush=True,
    )
