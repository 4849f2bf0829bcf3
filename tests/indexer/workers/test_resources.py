import os

import pytest

from indexer.workers import resources
from indexer.workers.resources import free_memory, worker_count


@pytest.mark.parametrize(
    ("asked", "photos", "gigabytes", "expected"),
    [
        (0, 100, 1, (8, 1)),  # one a core
        (0, 3, 1, (3, 1)),
        (0, 0, 1, (1, 1)),
        (0, 100, 4, (4, 2)),  # 16 GB hold four, which take two cores each
        (0, 2, 4, (2, 2)),
        (0, 100, 6, (2, 4)),
        (0, 100, 40, (1, 8)),
        (5, 100, 40, (5, 1)),  # who asks, decides
        (5, 2, 1, (2, 1)),
    ],
)
def test_workers_are_as_many_as_cores_and_memory_hold(
    monkeypatch: pytest.MonkeyPatch,
    asked: int,
    photos: int,
    gigabytes: float,
    expected: tuple[int, int],
) -> None:
    monkeypatch.setattr(resources, "core_count", lambda: 8)
    monkeypatch.setattr(resources, "free_memory", lambda: 16e9)
    assert worker_count(asked, photos, gigabytes) == expected


def test_memory_is_that_of_this_machine() -> None:
    assert 1e8 < free_memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
