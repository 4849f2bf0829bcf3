from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from indexer.workers.allocator import keep_freed_memory

FAULTS = """
import json, resource, sys
import torch
from indexer.workers.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        kept = [torch.zeros(12 << 18) for _ in range(4)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

told = sys.argv[1] == "keep" and keep_freed_memory()
faults()
print(json.dumps({"told": told, "faults": faults()}))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library has no such setting")
def test_memory_that_was_freed_is_used_again_without_faults() -> None:
    def measured(how: str) -> dict[str, int]:
        command = [sys.executable, "-c", FAULTS, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told: dict[str, int] = json.loads(done.stdout)
        return told

    usual, kept = measured("as it is"), measured("keep")
    assert kept["told"]
    assert kept["faults"] < 100
    assert kept["faults"] <= usual["faults"]  # many thousands, but where pages are huge


def test_a_c_library_without_the_setting_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_: object) -> object:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", without)
    assert not keep_freed_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_freed_memory()
