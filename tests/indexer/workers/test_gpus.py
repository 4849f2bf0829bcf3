from pathlib import Path

import pytest

from indexer.workers import resources
from indexer.workers.gpus import gpu_memories, visible, workers_on
from indexer.workers.resources import worker_count
from model import load_preset

TABLE = "GPU-aa11, 81000\nGPU-bb22, 40000\nGPU-bb33, 1000\n"
MB = 2.0**20


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, (81000, 40000, 1000)),
        ("", ()),
        ("-1", ()),
        ("1", (40000,)),
        ("2,0", (1000, 81000)),
        ("0, 7, 1", (81000,)),  # CUDA stops at what is not there
        ("GPU-bb2,GPU-aa11", (40000, 81000)),
        ("GPU-bb", ()),  # could be either
    ],
)
def test_gpus_are_those_that_cuda_will_offer(
    wanted: str | None, expected: tuple[float, ...]
) -> None:
    assert visible(TABLE, wanted) == tuple(free * MB for free in expected)


def test_a_table_of_something_else_holds_no_gpus() -> None:
    assert visible("No devices were found\nGPU-aa11, [N/A]\n", None) == ()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(f"printf '{TABLE}'", (81000 * MB, 40000 * MB, 1000 * MB)), ("exit 9", ()), (None, ())],
)
def test_the_driver_is_asked(
    answer: str | None,
    expected: tuple[float, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    if answer is not None:
        driver = tmp_path / "nvidia-smi"
        driver.write_text(f"#!/bin/sh\n{answer}\n")
        driver.chmod(0o755)
    assert gpu_memories() == expected


@pytest.mark.parametrize(
    ("gpus", "size", "expected"),
    [([80e9], 4e9, 20), ([80e9, 80e9], 4e9, 40), ([80e9, 8e9], 4e9, 4), ([2e9], 4e9, 1)],
)
def test_as_many_workers_as_the_smallest_gpu_allows(
    gpus: list[float], size: float, expected: int
) -> None:
    assert workers_on(gpus, size) == expected


@pytest.mark.parametrize(
    ("asked", "gpus", "expected"),
    [
        (0, (), (8, 1)),
        (0, (9e9,), (2, 4)),  # two fit the GPU, and share the cores
        (0, (9e9, 9e9), (4, 2)),
        (0, (80e9,), (8, 1)),
        (3, (9e9,), (3, 1)),  # who asks, decides
    ],
)
def test_workers_fit_the_gpus_that_they_share(
    asked: int, gpus: tuple[float, ...], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "core_count", lambda: 8)
    monkeypatch.setattr(resources, "free_memory", lambda: 64e9)
    assert worker_count(asked, 100, 4, gpus) == expected


def test_only_presets_that_use_gpus_share_them() -> None:
    using = {name: load_preset(name).uses_gpu for name in ("nano", "colours", "base", "sam2")}
    assert using == {"nano": False, "colours": False, "base": True, "sam2": True}
