"""GPUs: how many there are for workers, told without loading torch.

What a worker does on its GPU is the models' affair (`model.devices`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

PHOTOS_AT_ONCE = 4  # that a worker looks at together where its models run on a GPU
_ASK = ("nvidia-smi", "--query-gpu=uuid,memory.free", "--format=csv,noheader,nounits")
_SECONDS = 20.0  # a driver that sleeps takes its time


def gpu_memories() -> tuple[float, ...]:
    """Free bytes of each NVIDIA GPU that workers will see; none where the driver is not there."""
    if shutil.which(_ASK[0]) is None:
        return ()
    try:
        done = subprocess.run(_ASK, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ()
    return visible(done.stdout, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(table: str, wanted: str | None) -> tuple[float, ...]:
    """Free bytes of the GPUs that CUDA will offer, in its order.

    Args:
        table: a GPU a line: identifier, comma, free mebibytes.
        wanted: value of CUDA_VISIBLE_DEVICES: numbers or beginnings of identifiers; those after
            one that is not there do not count. None: all.
    """
    here: list[tuple[str, float]] = []
    for line in table.splitlines():
        name, _, free = line.partition(",")
        if free.strip().isdigit():
            here.append((name.strip(), int(free) * 2.0**20))
    if wanted is None:
        return tuple(free for _, free in here)
    chosen: list[float] = []
    for each in (part.strip() for part in wanted.split(",")):
        alike = [free for name, free in here if name.startswith(each)] if each else []
        if each.isdigit() and int(each) < len(here):
            chosen.append(here[int(each)][1])
        elif len(alike) == 1:
            chosen += alike
        else:
            break
    return tuple(chosen)


def workers_on(gpus: Sequence[float], size: float) -> int:
    """Number of workers of `size` bytes that the GPUs hold, one each in turn; at least one."""
    return max(len(gpus) * int(min(gpus) / size), 1)
