"""Memory and disk for a million segments: all compared in float16, and as codes.

Memory is what a process that searches holds more than one with an empty index, pages of the
mapped file included. Disk is the whole index folder: rows, vectors and cache.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from figures import in_child, resident_bytes, show
from synthetic import disk_bytes, make_index, random_centres, unit

from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.vectors.cache import FILE, synced_vectors
from model.embeddings import EmbeddingSpace

DIMENSION = 462  # as nano has
GOALS = {"exact fp16": 1.1e9, "codes": 0.6e9}
DISK_GOAL = 1.6e9
SEARCHES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        empty, full = Path(place) / "empty", Path(place) / "full"
        for folder, segments in ((empty, 0), (full, asked.segments)):
            space = EmbeddingSpace("synthetic", DIMENSION, "synthetic")
            manifest = Manifest("synthetic", space, {}, "bench", "2026-01-01T00:00:00+00:00")
            make_index(folder, segments, manifest, random_centres(DIMENSION))
        in_child(__file__, "build", empty, 1)
        before = in_child(__file__, "search", empty, 1)["resident"]
        millions = asked.segments / 1e6
        for kind, border in (("exact fp16", asked.segments + 1), ("codes", asked.segments)):
            (full / FILE).unlink(missing_ok=True)
            built = in_child(__file__, "build", full, border)
            held = in_child(__file__, "search", full, border)["resident"] - before
            show(
                {
                    "name": f"memory of a million segments, {kind}",
                    "bytes": round(held / millions),
                    "goal": GOALS[kind],
                    "ratio": held / millions / GOALS[kind],
                },
                as_json=asked.json,
            )
            disk = sum(disk_bytes(full).values())
            show(
                {
                    "name": f"disk of a million segments, {kind}",
                    "bytes": round(disk / millions),
                    "goal": DISK_GOAL,
                    "ratio": disk / millions / DISK_GOAL,
                    "cache_bytes": round((full / FILE).stat().st_size / millions),
                    "build_cpu_s": built["seconds"],
                    "build_peak_bytes": built["peak"],
                },
                as_json=asked.json,
            )


def child(task: str, folder: str, border: str) -> None:
    building = task == "build"
    with SqliteCatalog.open(folder) as catalog:
        start = time.process_time()
        store, report = synced_vectors(
            Path(folder), catalog, writable=building, coded_from=int(border)
        )
        seconds = time.process_time() - start
        if report.action != ("rebuilt" if building else "used"):
            raise SystemExit(f"the vectors were {report.action}: {report.note}")
        if not building:
            rng = np.random.default_rng(1)
            centres = random_centres(DIMENSION)[rng.integers(0, 2000, SEARCHES)]
            for query in unit(centres + rng.standard_normal(centres.shape) * 0.04):
                store.search(query, 80)
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"resident": resident_bytes(), "peak": peak, "seconds": seconds}))


if __name__ == "__main__":
    import sys

    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
