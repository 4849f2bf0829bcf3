"""Control groups: what a container leaves to its processes of the machine's memory and cores.

Versions 1 and 2 of Linux, nested groups, with namespaces or without: the tightest limit counts of
all groups from this process's own up to the topmost that is mounted here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT = 2.0**60  # bytes; version 1 writes the largest multiple of a page instead of "max"
_PROC = Path("/proc")


def free_group_memory(proc: Path = _PROC) -> float:
    """Bytes that this process's groups may still take; infinite where none has a limit.

    What the system keeps of files only because nobody needs the memory counts as free.

    Args:
        proc: mount point of /proc.
    """
    found = [math.inf]
    for folder in _groups(proc, "memory"):
        names = ("memory.max", "memory.high", "memory.limit_in_bytes")
        limit = min((_number(folder / name) for name in names), default=math.inf)
        if limit >= _NO_LIMIT:
            continue
        used = min(_number(folder / name) for name in ("memory.current", "memory.usage_in_bytes"))
        cached = max(
            _entry(folder / "memory.stat", name)
            for name in ("inactive_file", "total_inactive_file")
        )
        found.append(max(limit - (used if math.isfinite(used) else 0) + cached, 0))
    return min(found)


def group_cores(proc: Path = _PROC) -> float:
    """Cores that this process's groups may use at once, as 1.5; infinite without a quota.

    Which cores they are (cpuset) is told by `os.sched_getaffinity`.
    """
    found = [math.inf]
    for folder in _groups(proc, "cpu"):
        found.append(_ratio(_read(folder / "cpu.max").split()))
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        found.append(_ratio([_read(folder / name).strip() for name in names]))
    return min(found)


def kills_for_memory(proc: Path = _PROC) -> int:
    """Processes that the system has ended so far because memory ran out, here and around us."""
    counts = [_entry(proc / "vmstat", "oom_kill")]
    for folder in _groups(proc, "memory"):
        counts += [
            _entry(folder / name, "oom_kill") for name in ("memory.events", "memory.oom_control")
        ]
    return int(sum(counts))


def _groups(proc: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in, its own first, of both versions."""
    held: dict[str, str] = {}
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            held["cgroup2"] = path
        elif controller in controllers.split(","):
            held["cgroup"] = path
    for line in _read(proc / "self" / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in held:
            continue
        if kind[0] == "cgroup" and controller not in kind[2].split(","):
            continue
        top = Path(_unescaped(fields[4]))
        yield from _upwards(top, _inside(held[kind[0]], _unescaped(fields[3])))


def _upwards(top: Path, inside: str) -> Iterator[Path]:
    folder = top / inside
    while folder != top:
        if folder.is_dir():
            yield folder
        folder = folder.parent
    yield top


def _inside(path: str, root: str) -> str:
    """A group's path below what is mounted; "" if it lies elsewhere, as namespaces have it."""
    root = root.rstrip("/")
    if ".." in path.split("/") or not (path == root or path.startswith(f"{root}/")):
        return ""
    return path[len(root) :].strip("/")


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> float:
    """Number in a file of one number; infinite for "max", and where it says nothing."""
    text = _read(path).strip()
    return float(text) if re.fullmatch("[0-9]{1,20}", text) else math.inf


def _entry(path: Path, name: str) -> float:
    """The number behind a name in a table of lines; 0 where there is none."""
    found = re.search(rf"^{name} ([0-9]{{1,20}})$", _read(path), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _ratio(quota_and_period: list[str]) -> float:
    if len(quota_and_period) != 2:
        return math.inf
    quota, period = (
        float(text) if re.fullmatch("[0-9]{1,18}", text) else 0.0 for text in quota_and_period
    )
    return quota / period if quota and period else math.inf  # "max" or -1: no quota
