"""Resources: how many workers a machine, or a container on it, has cores and memory for."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from indexer.workers.cgroups import free_group_memory, group_cores
from indexer.workers.gpus import workers_on


def worker_count(
    asked: int, photos: int, gigabytes: float, gpus: Sequence[float] = ()
) -> tuple[int, int]:
    """Number of workers, and of the threads of each.

    Args:
        asked: workers that the user asks for; 0: one a core, or as many as the memory holds.
        photos: number of photos to look at; more workers than these are not needed.
        gigabytes: memory of a worker, gigabytes.
        gpus: free bytes of each GPU that they share, none where they use none.

    Returns:
        Both at least 1. The threads are more than one where memory leaves cores without a worker.
    """
    cores = core_count()
    held = max(int(free_memory() / (gigabytes * 1e9)), 1)
    if gpus:
        held = min(held, workers_on(gpus, gigabytes * 1e9))
    if asked or held >= cores:
        return max(min(asked or cores, photos), 1), 1
    return max(min(held, photos), 1), cores // held


def free_memory() -> float:
    """Bytes that can be taken without swapping, within a container's limits; infinite where the
    system does not tell."""
    return min(_free_of_machine(), free_group_memory())


def _free_of_machine() -> float:
    with suppress(OSError, ValueError, IndexError):
        told = Path("/proc/meminfo").read_text(encoding="ascii")
        return 1024 * float(told.split("MemAvailable:")[1].split()[0])
    if sys.platform != "win32":
        with suppress(OSError, ValueError):
            return 0.5 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return float("inf")


def core_count() -> int:
    """Cores to keep busy; of a quota's fraction a whole one, since workers may wait in turn."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = group_cores()
    return min(ours, math.ceil(quota)) if math.isfinite(quota) else ours
