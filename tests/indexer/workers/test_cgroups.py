"""Control groups as Linux shows them, of both versions, written down in a folder."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.workers import resources
from indexer.workers.cgroups import free_group_memory, group_cores, kills_for_memory
from indexer.workers.resources import worker_count

GB = 10**9


class Machine:
    """A /proc and its mounts in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        self.mounts: list[str] = []
        self.write("proc/self/mountinfo", "")
        self.write("proc/vmstat", "oom_kill 2\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def mount(self, kind: str, point: str, controllers: str = "rw", root: str = "/") -> None:
        place = str(self.folder / point).replace(" ", "\\040")
        self.mounts.append(f"30 23 0:26 {root} {place} rw shared:9 - {kind} {kind} {controllers}")
        self.write("proc/self/mountinfo", "\n".join(self.mounts) + "\n")
        (self.folder / point).mkdir(parents=True, exist_ok=True)

    def member(self, lines: str) -> None:
        self.write("proc/self/cgroup", lines)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "a machine")


def test_a_machine_without_groups_has_no_limits(machine: Machine, tmp_path: Path) -> None:
    for proc in (machine.proc, tmp_path / "nowhere"):
        assert free_group_memory(proc) == group_cores(proc) == math.inf
    assert kills_for_memory(tmp_path / "nowhere") == 0


def test_version_2_counts_the_tightest_of_nested_groups(machine: Machine) -> None:
    machine.mount("cgroup2", "sys/cg")
    machine.member("0::/a/b/c\n")
    machine.write("sys/cg/a/memory.max", f"{3 * GB}\n")
    machine.write("sys/cg/a/memory.current", f"{GB}\n")
    machine.write("sys/cg/a/memory.stat", f"anon 5\ninactive_file {GB // 2}\n")
    machine.write("sys/cg/a/b/memory.max", "max\n")
    machine.write("sys/cg/a/b/cpu.max", "150000 100000\n")
    machine.write("sys/cg/a/b/c/cpu.max", "max 100000\n")
    assert free_group_memory(machine.proc) == 2.5 * GB
    assert group_cores(machine.proc) == 1.5
    machine.write("sys/cg/a/b/c/memory.high", f"{GB}\n")
    assert free_group_memory(machine.proc) == GB
    machine.write("sys/cg/a/b/c/memory.current", f"{2 * GB}\n")
    assert free_group_memory(machine.proc) == 0


def test_version_1_has_a_mount_a_controller(machine: Machine) -> None:
    machine.mount("cgroup", "sys/memory", "rw,memory")
    machine.mount("cgroup", "sys/cpu,cpuacct", "rw,cpu,cpuacct")
    machine.mount("cgroup", "sys/cpuset", "rw,cpuset")
    machine.member("5:memory:/x/y\n4:cpu,cpuacct:/x\n3:cpuset:/\n0::/\n")
    machine.write("sys/memory/memory.limit_in_bytes", "9223372036854771712\n")
    machine.write("sys/memory/x/memory.limit_in_bytes", f"{2 * GB}\n")
    machine.write("sys/memory/x/memory.usage_in_bytes", f"{GB}\n")
    machine.write("sys/memory/x/memory.stat", f"inactive_file 1\ntotal_inactive_file {GB // 4}\n")
    machine.write("sys/memory/x/memory.oom_control", "under_oom 0\noom_kill 3\n")
    machine.write("sys/cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n")
    machine.write("sys/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n")
    assert free_group_memory(machine.proc) == 1.25 * GB
    assert group_cores(machine.proc) == 0.5
    assert kills_for_memory(machine.proc) == 5
    machine.write("sys/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n")
    assert group_cores(machine.proc) == math.inf


@pytest.mark.parametrize("root", ["/docker/1", "/docker/1/"])
def test_a_container_s_mount_begins_at_its_own_group(machine: Machine, root: str) -> None:
    machine.mount("cgroup2", "sys/cg", root=root)
    machine.member("0::/docker/1/inner\n")
    machine.write("sys/cg/memory.max", f"{2 * GB}\n")
    machine.write("sys/cg/inner/memory.max", f"{GB}\n")
    assert free_group_memory(machine.proc) == GB


@pytest.mark.parametrize("path", ["/../../other", "/docker/1", "/docker/12/inner", "/"])
def test_a_group_outside_of_the_mount_counts_as_its_top(machine: Machine, path: str) -> None:
    machine.mount("cgroup2", "sys/cg", root="/docker/12" if path != "/../../other" else "/")
    machine.member(f"0::{path}\n")
    machine.write("sys/cg/memory.max", f"{GB}\n")
    assert free_group_memory(machine.proc) == GB


@pytest.mark.parametrize("text", ["", "\n", "many", "-1", "9" * 5000, "\xb2", "0x10", "max max"])
def test_what_nobody_can_read_limits_nothing(machine: Machine, text: str) -> None:
    machine.mount("cgroup2", "sys/cg")
    machine.member("0::/\n")
    machine.write("sys/cg/memory.max", text)
    machine.write("sys/cg/cpu.max", f"{text} {text}")
    machine.write("sys/cg/memory.events", f"oom_kill {text}\n")
    assert free_group_memory(machine.proc) == group_cores(machine.proc) == math.inf
    assert kills_for_memory(machine.proc) == 2


@pytest.mark.parametrize(
    ("quota", "free", "expected"),
    [(0.5, 16e9, (1, 1)), (1.5, 16e9, (2, 1)), (3.0, 16e9, (3, 1)), (4.0, 2e9, (2, 2)),
     (math.inf, 5e8, (1, 8)), (99.0, 16e9, (8, 1))],
)  # fmt: skip
def test_workers_follow_quotas_and_limits(
    monkeypatch: pytest.MonkeyPatch, quota: float, free: float, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(resources, "group_cores", lambda: quota)
    monkeypatch.setattr(resources, "free_group_memory", lambda: free)
    monkeypatch.setattr(resources, "_free_of_machine", lambda: 64e9)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert worker_count(0, 100, 1.0) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has affinities")
def test_a_set_of_cores_counts() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from indexer.workers.resources import worker_count; print(worker_count(0, 100, 0.001))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "(1, 1)\n"


GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.mark.skipif(
    not (GROUPS / "memory.limit_in_bytes").exists() or not os.access(GROUPS, os.W_OK),
    reason="no memory controller that may be written to",
)
def test_a_real_group_is_seen_from_within() -> None:
    group = GROUPS / f"segsearch-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no group may be made")
    try:
        (group / "memory.limit_in_bytes").write_text("700M")
        code = (
            f"import os; open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
            "from indexer.workers.resources import free_memory; print(free_memory())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
    finally:
        group.rmdir()
    assert 500e6 < float(done.stdout) <= 700 * 2**20
