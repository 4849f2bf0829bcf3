"""What ten million, a hundred million and a billion segments would take, by constants of here.

Measured on this machine, one thread: comparing codes, scoring the best exactly out of a catalog,
reading rows, encoding a text; bytes of a code and of a segment's rows. Simulated: shards of equal
size, each a server that answers its questions one after the other; a search asks all of them at
once and waits for the last. Nothing of a cluster is run. Prices are assumptions, yours to give.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from figures import show
from numpy.typing import NDArray
from synthetic import SEGMENTS_A_PHOTO, disk_bytes, make_index, random_centres

from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from indexer.vectors.faiss_coded import RESCORED, CodedIndex
from model.presets.preset import load_preset

SIZES = (10**7, 10**8, 10**9)
ROWS = 38  # read by a search of 20 matches, as bench/README.md tells
SEARCHES = 4000  # simulated ones of each plan
WARMING = 400  # of these, until queues have their usual length
NETWORK = 1e-3  # seconds from who asks to a shard and back
HOUR, MONTH = 3600, 730  # seconds of an hour, hours of a month


@dataclass(frozen=True)
class Constants:
    """Seconds and bytes, measured here."""

    text_s: float
    code_s: float
    rescored_s: float
    rows_s: float
    code_bytes: float
    row_bytes: float
    index_cpu_s_a_photo: float


@dataclass(frozen=True)
class Prices:
    """Assumptions, in any currency."""

    core_hour: float
    memory_gb_month: float
    disk_gb_month: float


@dataclass(frozen=True)
class Plan:
    """Shards of a plan, and what searches of it wait."""

    shards: int
    cores_a_shard: int
    copies: int
    p50_s: float
    p95_s: float
    busy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=10, help="searches a second, at random times")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds that p95 may take")
    parser.add_argument("--cores", type=int, default=8, help="cores of a shard's server")
    parser.add_argument("--memory", type=float, default=64, help="GB of a shard's server")
    parser.add_argument("--core-hour", type=float, default=0.04)
    parser.add_argument("--memory-gb-month", type=float, default=3.0)
    parser.add_argument("--disk-gb-month", type=float, default=0.1)
    parser.add_argument("--measured", type=int, default=300_000, help="segments of the measuring")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    measured = measure(asked.measured)
    prices = Prices(asked.core_hour, asked.memory_gb_month, asked.disk_gb_month)
    show({"name": "measured here"} | asdict(measured), as_json=asked.json)
    assumed = {"rate": asked.rate, "budget_s": asked.budget, "network_s": NETWORK}
    assumed |= {"segments_a_photo": SEGMENTS_A_PHOTO, "cores": asked.cores, "gb": asked.memory}
    show({"name": "assumed"} | assumed | asdict(prices), as_json=asked.json)
    for segments in SIZES:
        plan = cheapest(segments, measured, asked.rate, asked.budget, asked.cores, asked.memory)
        figures = costs(segments, plan, measured, prices) if plan else {"plan": "none holds"}
        show({"name": f"{segments:,} segments"} | figures, as_json=asked.json)


def measure(segments: int) -> Constants:
    """Constants of this machine, by an index of so many segments."""
    preset = load_preset("nano")
    embedder = preset.build_embedder()
    texts = [f"{colour} thing {n}" for n, colour in enumerate(["red", "green"] * 12)]
    text_s = _median(lambda text: embedder.embed_texts([text]), texts)
    centres = random_centres(preset.dimension)
    manifest = Manifest("nano", preset.space, {}, "bench", "2026-01-01T00:00:00+00:00")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        make_index(Path(place), segments, manifest, centres)
        row_bytes = disk_bytes(Path(place))[FILE_NAME] / segments
        with SqliteCatalog.open(Path(place)) as catalog:
            codes = CodedIndex.trained(preset.dimension, catalog, catalog.vector_blocks(), segments)
            for ids, vectors in catalog.vector_blocks():
                codes.add(ids, vectors)
            kept = len(faiss.serialize_index(codes.index)) / segments
            questions = [row[None] for row in centres[:24]]
            code_s = _median(lambda row: codes.index.search(_wide(row, codes), 10), questions)
            drawn = [np.sort(rng.choice(segments, RESCORED, False)) + 1 for _ in range(12)]
            rescored_s = _median(catalog.vectors_of, drawn)
            rows_s = _median(lambda ids: catalog.segments(ids[:ROWS].tolist()), drawn)
    return Constants(
        text_s, code_s / segments, rescored_s, rows_s, kept, row_bytes, preset.seconds_per_photo
    )


def _wide(row: NDArray[np.float32], codes: CodedIndex) -> NDArray[np.float32]:
    return np.pad(row, ((0, 0), (0, codes.index.d - row.shape[1])))


def _median(call: Callable[[Any], object], arguments: list[Any]) -> float:
    """Seconds of CPU of a call, once warm."""
    seconds = []
    for argument in arguments:
        start = time.process_time()
        call(argument)
        seconds.append(time.process_time() - start)
    return float(np.median(seconds[len(seconds) // 4 :]))


def cheapest(
    segments: int, measured: Constants, rate: float, budget: float, cores: int, memory_gb: float
) -> Plan | None:
    """The plan of fewest servers that holds its budget, each copy of the whole answering a share
    of the searches; None where not even a thousand shards do."""
    held = segments * measured.code_bytes
    least = max(1, math.ceil(held / (0.8 * memory_gb * 1e9)))
    plans = []
    shards = least
    while shards <= max(1000, 4 * least):
        for copies in (1, 2, 4):
            plan = simulated(segments, shards, copies, cores, measured, rate)
            if plan is not None and plan.p95_s <= budget:
                plans.append(plan)
        shards = math.ceil(1.4 * shards)
    return min(plans, key=lambda plan: (plan.shards * plan.copies, plan.p95_s), default=None)


def simulated(
    segments: int, shards: int, copies: int, cores: int, measured: Constants, rate: float
) -> Plan | None:
    """Searches that come at random times, each answered by its slowest shard; None where a shard
    would be busy nine tenths of its time.

    A shard works as Lindley's recursion has it: a question waits until those before it are done.
    The codes are compared on all cores; the best are scored and read by one.
    """
    scan = segments / shards * measured.code_s / cores
    service = scan + measured.rescored_s
    busy = rate / copies * service
    if busy > 0.9:
        return None
    rng = np.random.default_rng(0)
    between = rng.exponential(copies / rate, SEARCHES)
    # a server's times vary by a fifth, as here from call to call
    served = service * rng.lognormal(0, 0.2, (SEARCHES, shards))
    waits = np.zeros(shards)
    slowest = np.empty(SEARCHES)
    for n in range(SEARCHES):
        slowest[n] = (waits + served[n]).max()
        waits = np.maximum(0, waits + served[n] - between[min(n + 1, SEARCHES - 1)])
    whole = measured.text_s + NETWORK + slowest[WARMING:] + measured.rows_s
    p50, p95 = np.quantile(whole, (0.5, 0.95)).tolist()
    return Plan(shards, cores, copies, p50, p95, busy)


def costs(segments: int, plan: Plan, measured: Constants, prices: Prices) -> dict[str, object]:
    """A plan's memory, disk and prices; the latter for a million photos."""
    photos = segments / SEGMENTS_A_PHOTO
    servers = plan.shards * plan.copies
    memory = segments * measured.code_bytes * plan.copies / 1e9
    disk = segments * measured.row_bytes / 1e9
    month = (
        servers * plan.cores_a_shard * prices.core_hour * MONTH
        + memory * prices.memory_gb_month
        + disk * prices.disk_gb_month
    )
    indexing = photos * measured.index_cpu_s_a_photo / HOUR * prices.core_hour
    return {
        "photos": round(photos),
        "shards": plan.shards,
        "copies": plan.copies,
        "memory_gb": memory,
        "disk_gb": disk,
        "p50_ms": 1e3 * plan.p50_s,
        "p95_ms": 1e3 * plan.p95_s,
        "busy": plan.busy,
        "a_month": month,
        "a_month_a_million_photos": month / photos * 1e6,
        "indexing_core_days": photos * measured.index_cpu_s_a_photo / (24 * HOUR),
        "indexing_a_million_photos": indexing / photos * 1e6,
    }


if __name__ == "__main__":
    main()
