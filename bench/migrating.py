"""An index carried from a folder into a database and back: how fast, and whether all is the same.

`bench/cluster.py migrate` starts the server. As a script, `migrating.py FROM TO`, it carries one
index and tells "segments, seconds and CPU seconds of copying, seconds and CPU seconds of making
the vectors ready, peak memory in MB"; a database's graph is not made.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "toys"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres_server import OwnServer
from synthetic import make_index, random_centres

from indexer.backends import open_catalog
from indexer.catalog.records import Manifest
from indexer.catalog.whole_photos import WholePhotos
from indexer.location import index_folder
from indexer.migration import migrate
from model.embeddings import EmbeddingSpace


def there_and_back(server: OwnServer, segments: int) -> None:
    """Carry so many segments into a database and into another folder, and compare all three."""
    with tempfile.TemporaryDirectory() as parent:
        source, back = Path(parent, "source"), Path(parent, "back")
        there = index_folder(server.uri("migrate"))
        space = EmbeddingSpace("synthetic", 384, "0")
        manifest = Manifest("synthetic", space, {}, "bench", "2024-01-01T00:00:00+00:00")
        make_index(source, segments, manifest, random_centres(384))
        for name, one, other in (("there", source, there), ("back", there, back)):
            before = server.cpu_seconds()
            script = [sys.executable, __file__, str(one), str(other)]
            told = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout
            many, took, cpu, ready, ready_cpu, peak = map(float, told.split())
            of_server = server.cpu_seconds() - before
            print(
                f"{name}: {many:,.0f} segments in {took:.0f} s, {many / took:,.0f} a second;"
                f" CPU of a segment {1e6 * cpu / many:.1f} µs here,"
                f" {1e6 * of_server / many:.1f} µs of the server,"
                f" {many / (cpu + of_server):,.0f} segments a CPU second;"
                f" vectors ready after {ready:.0f} s more, {ready_cpu:.0f} s of CPU;"
                f" peak {peak:,.0f} MB; load {os.getloadavg()[0]:.0f}",
                flush=True,
            )
            print(f"{require_same(source, other):,} masks compared, all the same", flush=True)


def require_same(one: Path, other: Path) -> int:
    """Compare all masks and vectors of two indexes, to the last byte; the number of masks."""
    masks = 0
    for ours, theirs in zip(wholes(one), wholes(other), strict=True):
        assert ours.checksums() == theirs.checksums()
        assert list(ours.counts) == list(theirs.counts)
        assert list(ours.boxes) == list(theirs.boxes)
        assert np.array_equal(ours.parents, theirs.parents)
        assert np.array_equal(ours.vectors, theirs.vectors)
        masks += len(ours.counts)
    return masks


def wholes(folder: Path) -> Iterator[WholePhotos]:
    with open_catalog(folder, readonly=True) as catalog:
        yield from catalog.whole_photos(catalog.photo_ids().tolist())


def main() -> None:
    from indexer.vectors import pgvector_graph

    pgvector_graph.FROM = sys.maxsize
    source, target = map(Path, sys.argv[1:])
    began, began_cpu = time.perf_counter(), time.process_time()
    copied = [0.0, 0.0]

    def told(done: int, photos: int) -> None:
        copied[:] = time.perf_counter(), time.process_time()

    report = migrate(source, target, told=told)
    ended = time.perf_counter(), time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    now = (copied[0] - began, copied[1] - began_cpu, ended[0] - copied[0], ended[1] - copied[1])
    print(report.segments, *now, peak)


if __name__ == "__main__":
    main()
