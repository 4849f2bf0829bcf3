"""Recall of free searches among a million segments: real texts, real segments.

An index is made of the corpus' photographs and of crops of them (flipped, lighter, darker), and
its vectors are enlarged to a million: each new one lies between a segment and one of the ten most
like it among some thousands. Questions are the corpus' phrases and captions. Both sides answer
from the same vectors, in one process of one thread: the codes that the product compares, and the
groups of bytes that it compared before, at the dimension that the preset has.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from figures import show
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

sys.path.insert(0, str(Path(__file__).parents[1]))

from indexer.backends import open_catalog
from indexer.catalog import vector_codec
from indexer.catalog.filter import Filter
from indexer.vectors.faiss_store import FaissVectors
from indexer.vectors.store import Block, Floats, Ints
from model.presets.preset import load_preset
from searchengine import Options, SearchEngine

K = 20
NEAREST = 10
MOST_LOOKED_AT = 4096  # segments among which the nearest are looked for
PROBES = 64  # of the groups as they were
GOAL = 0.98
TIMED = 40


class Source:
    """Vectors in memory, a byte a component, as the catalog holds them on the disk."""

    def __init__(self, packed: NDArray[np.int8]) -> None:
        self._packed = packed

    def segment_ids(self, conditions: Filter | None = None) -> Ints:
        return np.arange(len(self._packed), dtype=np.int64)

    def vectors_of(self, segment_ids: Ints) -> Floats:
        rows = self._packed[segment_ids]
        return vector_codec.unpack([rows.tobytes()], rows.shape[1])

    def vector_blocks(self, after_id: int = -1) -> Iterator[Block]:
        for start in range(0, len(self._packed), 8192):
            ids = np.arange(start, min(start + 8192, len(self._packed)), dtype=np.int64)
            yield ids, self.vectors_of(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--index", type=Path, help="one made of such photos before")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        folder = asked.index
        if folder is None:
            folder, photos = Path(place) / "index", Path(place) / "photos"
            take_photos(asked.corpus, photos, asked.photos, rng)
            with SearchEngine.open(folder, asked.preset) as engine:
                engine.index(photos, options=Options(jobs=0))
        with open_catalog(folder, readonly=True) as catalog:
            real = np.concatenate([vectors for _, vectors in catalog.vector_blocks()])
    texts = texts_of(asked.corpus, asked.texts, rng)
    embedder = load_preset(asked.preset).build_embedder()
    queries = np.concatenate([embedder.embed_texts([text]).vectors for text in texts])
    packed = enlarged(real, asked.segments, rng)
    wanted = truth(Source(packed), queries)
    about = {"real_segments": len(real), "segments": len(packed), "dimension": packed.shape[1]}
    for name in asked.sides:
        search = SIDES[name](packed)
        found = [set(search(query).tolist()) for query in queries]
        recall = np.mean([len(a & b) / K for a, b in zip(found, wanted, strict=True)])
        figure = {"name": f"recall@{K} of texts, {name}", "recall": float(recall), "goal": GOAL}
        show(figure | about | {"cpu_s": median_cpu(search, queries)}, as_json=asked.json)


def take_photos(corpus: Path, folder: Path, count: int, rng: np.random.Generator) -> None:
    """Photographs of all sources alike, and a changed crop of every fourth."""
    folder.mkdir()
    found = sorted(corpus.glob("*/images/*.jpg"))
    for number, place in enumerate(np.sort(rng.permutation(len(found))[:count]).tolist()):
        with Image.open(found[place]) as opened:
            photo = opened.convert("RGB")
        photo.save(folder / f"{number}.png")
        if number % 4 == 0:
            (w, h), share = photo.size, rng.uniform(0.7, 0.95)
            x, y = rng.uniform(0, 1 - share, 2) * (w, h)
            crop = photo.crop((int(x), int(y), int(x + share * w), int(y + share * h)))
            if rng.random() < 0.5:
                crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            crop = ImageEnhance.Brightness(crop).enhance(rng.uniform(0.8, 1.2))
            ImageEnhance.Color(crop).enhance(rng.uniform(0.8, 1.2)).save(folder / f"{number}c.png")


def texts_of(corpus: Path, count: int, rng: np.random.Generator) -> list[str]:
    """Phrases of regions, three of four, and captions of photographs."""
    phrases, captions = set[str](), set[str]()
    for file in corpus.glob("*/annotations.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            captions.update(record["captions"])
            phrases.update(p for region in record["regions"] for p in region["phrases"])
    few = 3 * count // 4
    drawn = rng.permutation(sorted(phrases))[:few], rng.permutation(sorted(captions))
    return [str(text) for text in (*drawn[0], *drawn[1][: count - len(drawn[0])])]


def enlarged(real: Floats, count: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """The real vectors, and `count` in all with those between neighbours; packed as stored."""
    import faiss

    index = faiss.index_factory(real.shape[1], "Flat", faiss.METRIC_INNER_PRODUCT)
    among = rng.permutation(len(real))[:MOST_LOOKED_AT]
    index.add(real[among])
    near = np.concatenate(
        [index.search(real[i : i + 512], NEAREST + 1)[1] for i in range(0, len(real), 512)]
    )
    near = among[near]
    packed = np.empty((max(count, len(real)), real.shape[1]), np.int8)
    packed[: len(real)] = _rows(real)
    for start in range(len(real), len(packed), 8192):
        n = min(8192, len(packed) - start)
        one = rng.integers(0, len(real), n)
        other = near[one, rng.integers(1, NEAREST + 1, n)]
        way = rng.uniform(0.1, 0.5, (n, 1)).astype(np.float32)
        packed[start : start + n] = _rows(real[one] + way * (real[other] - real[one]))
    return packed


def _rows(vectors: Floats) -> NDArray[np.int8]:
    return np.frombuffer(b"".join(vector_codec.pack(vectors)), np.int8).reshape(vectors.shape)


def truth(source: Source, queries: Floats) -> list[set[int]]:
    """The exact best K of each question."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    ids = np.zeros((len(queries), K), np.int64)
    for some, vectors in source.vector_blocks():
        scores = np.concatenate([best, queries @ vectors.T], axis=1)
        known = np.concatenate([ids, np.broadcast_to(some, (len(queries), len(some)))], axis=1)
        order = np.argpartition(-scores, K, axis=1)[:, :K]
        best, ids = np.take_along_axis(scores, order, 1), np.take_along_axis(known, order, 1)
    return [set(row.tolist()) for row in ids]


def codes(packed: NDArray[np.int8]) -> Callable[[NDArray[np.float32]], Ints]:
    store = FaissVectors.build(packed.shape[1], Source(packed), coded_from=1)
    return lambda query: store.search(query, K).ids


def groups(packed: NDArray[np.int8]) -> Callable[[NDArray[np.float32]], Ints]:
    """Lists of 8-bit codes, the nearest 64 or a 64th of them looked through."""
    import faiss

    lists = round(4 * len(packed) ** 0.5)
    index = faiss.index_factory(packed.shape[1], f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    source = Source(packed)
    share = 40 * lists / len(packed)
    rng = np.random.default_rng(0)
    index.train(np.concatenate([v[rng.random(len(v)) < share] for _, v in source.vector_blocks()]))
    for _, vectors in source.vector_blocks():
        index.add(vectors)
    index.nprobe = max(PROBES, lists // PROBES)
    return lambda query: index.search(query[None], K)[1][0]


SIDES = {"codes": codes, "groups": groups}


def median_cpu(search: Callable[[NDArray[np.float32]], Ints], queries: Floats) -> float:
    import faiss

    faiss.omp_set_num_threads(1)
    seconds = []
    for query in queries[:TIMED]:
        start = time.process_time()
        search(query)
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


if __name__ == "__main__":
    main()
