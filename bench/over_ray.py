"""Indexing over Ray on this machine, beside the machine's own worker processes.

    python bench/over_ray.py speed CORPUS [--photos 110] [--slice 10]    two actors, two workers
    python bench/over_ray.py memory [--photos 10000]                     of every kind of process

`speed` has nano look at the same photographs with two actors and with two workers that have loaded
their models, a slice of the photos in turn, so that both meet the same load of the machine.
`memory` has two actors give answers as large as a photo's, eight at a time, and reads now and then
what each kind of process holds by itself (PSS).
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from quick_task import BYTES, QuickTask

from indexer.workers.indexing_task import IndexingTask
from indexer.workers.pool import worker_pool
from model.presets.preset import load_preset
from model.task import Needs

WARM = 6  # photos that a pool looks at before it is timed
KINDS = {
    "gcs_server": "Ray's own", "raylet": "Ray's own", "ray::": "actors",
    "indexer.workers": "workers", "ray/": "Ray's own",
}  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")


def speed(corpus: Path, count: int, some: int) -> None:
    """Photos a second of two actors and of two workers, slice by slice."""
    files = [str(file) for file in sorted(corpus.glob("*/images/*.jpg")) if file.stat().st_size]
    chosen = files[:: max(1, len(files) // (count + WARM))][: count + WARM]
    preset = load_preset("nano")
    task = IndexingTask(preset.reference, 200.0, needs=Needs.of(preset))
    seconds: dict[str, list[float]] = {"": [], "local": []}
    with (
        worker_pool(task, count, asked=2) as own,
        worker_pool(task, count, asked=2, ray="local") as over,
    ):
        pools = {"": own, "local": over}
        for ray, pool in pools.items():
            began = time.perf_counter()
            assert len(list(pool.do(chosen[:WARM]))) == WARM
            print(
                f"{ray or 'processes'}: the first {WARM} photos, loading too:"
                f" {time.perf_counter() - began:.1f} s"
            )
        before = cpu_by_kind()
        for number, start in enumerate(range(WARM, len(chosen), some)):
            for ray in ("", "local") if number % 2 else ("local", ""):
                part = chosen[start : start + some]
                began = time.perf_counter()
                outcomes = list(pools[ray].do(part))
                seconds[ray].append(time.perf_counter() - began)
                assert all(outcome.photo for outcome in outcomes)
            print(
                f"{len(part)} photos: processes {seconds[''][-1]:.1f} s, actors"
                f" {seconds['local'][-1]:.1f} s; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        spent = cpu_by_kind() - before
    ratios = [here / there for here, there in zip(*seconds.values(), strict=True)]
    print(
        f"two actors / two workers: {sum(seconds['']) / sum(seconds['local']):.3f} of all,"
        f" {median(ratios):.3f} median of {len(ratios)} slices"
    )
    told = ", ".join(f"{kind} {1000 * spent[kind] / count:.0f}" for kind in sorted(spent))
    print(f"CPU of a photo, ms: {told}")


def memory(count: int) -> None:
    """What each kind of process holds, after every tenth of so many answers of a photo's size."""
    began = time.perf_counter()
    with worker_pool(QuickTask(), count, asked=2, ray="local") as pool:
        names = (f"/p/{number}.jpg" for number in range(count))
        for done, answer in enumerate(pool.do(names), 1):
            assert len(answer) == BYTES
            if done % max(1, count // 10) == 0:
                held = held_by_kind()
                told = ", ".join(f"{kind} {held[kind] / 1024:.0f}" for kind in sorted(held))
                took = time.perf_counter() - began
                print(f"{done:>6} photos, {took:.0f} s, MB: {told}", flush=True)


def processes() -> Iterator[tuple[int, str]]:
    """This process and all below it, and what they are."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    for pid in parents:
        above = pid
        while above not in (0, os.getpid()):
            above = parents.get(above, 0)
        if not above:
            continue
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            kind = next((kind for part, kind in KINDS.items() if part in command), "others")
            if kind == "workers" and parents[pid] != os.getpid():
                kind = "workers of actors"
            yield pid, "this process" if pid == os.getpid() else kind


def held_by_kind() -> Counter[str]:
    """Kilobytes (PSS) of processes, by what they are."""
    held = Counter[str]()
    for pid, kind in processes():
        with suppress(OSError):
            told = Path(f"/proc/{pid}/smaps_rollup").read_text()
            held[kind] += int(told.split("Pss:")[1].split()[0])
    return held


def cpu_by_kind() -> Counter[str]:
    """CPU seconds of processes, by what they are."""
    spent = Counter[str]()
    for pid, kind in processes():
        with suppress(OSError):
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            spent[kind] += (int(told[11]) + int(told[12])) / TICKS  # type: ignore[assignment]
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    speeds = commands.add_parser("speed")
    speeds.add_argument("corpus", type=Path)
    speeds.add_argument("--photos", type=int, default=110)
    speeds.add_argument("--slice", type=int, default=10)
    memories = commands.add_parser("memory")
    memories.add_argument("--photos", type=int, default=10_000)
    asked = parser.parse_args()
    if asked.what == "speed":
        speed(asked.corpus, asked.photos, asked.slice)
        return
    memory(asked.photos)


if __name__ == "__main__":
    main()
