"""Several processes index the same photos at once; some are killed, and one photo kills them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from indexer.backends import open_catalog
from indexer.location import index_folder
from model.errors import IndexMissing

pytest.importorskip("psycopg")
SCRIPT = Path(__file__).parents[2] / "bench" / "sharing_workers.py"
PHOTOS, KILLS = 24, 4
LEASE = 0.6


@pytest.fixture
def photos(tmp_path: Path, painted: ModuleType) -> Path:
    folder = tmp_path / "photos"
    for number in range(PHOTOS):
        painted.paint(folder / f"{number:02}.png", number, scale=3)
    (folder / "copy.png").write_bytes((folder / "07.png").read_bytes())
    return folder


@pytest.fixture
def workers(postgres_uri: str, photos: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), postgres_uri, str(photos), "0", str(LEASE)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.stdin.close()


def start(workers: subprocess.Popen[str]) -> int:
    workers.stdin.write("\n")
    workers.stdin.flush()
    while True:
        told = workers.stdout.readline().split()
        if len(told) == 1:
            return int(told[0])


def is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def left(folder: Path, photos: Path) -> int:
    with open_catalog(folder, readonly=True) as catalog:
        jobs = catalog.job_list([str(photos)])
        try:
            return jobs.left()
        finally:
            jobs.leave()


def stored(folder: Path) -> int:
    with suppress(IndexMissing), open_catalog(folder, readonly=True) as catalog:
        return catalog.counts().photos
    return 0


def test_kills_lose_and_double_nothing(
    workers: subprocess.Popen[str],
    postgres_uri: str,
    photos: Path,
    tmp_path: Path,
    painted: ModuleType,
) -> None:
    chance, folder = random.Random(3), index_folder(postgres_uri)
    running = [start(workers) for _ in range(3)]
    seen = []
    for number in range(KILLS):
        least = number * PHOTOS // (KILLS + 2)
        deadline = time.monotonic() + 60
        while stored(folder) < least and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
        with suppress(ProcessLookupError):
            os.kill(running.pop(0), signal.SIGKILL)
        seen.append(stored(folder))
        running.append(start(workers))
    deadline = time.monotonic() + 120
    while any(map(is_there, running)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert seen == sorted(seen)
    assert len(set(seen)) > 1  # the kills came in the middle of things
    with open_catalog(folder, readonly=True) as catalog:
        assert catalog.counts().photos == PHOTOS
        assert catalog.counts().files == PHOTOS + 1
        assert len(catalog.sharers()) <= KILLS  # of those killed; the others have left
    assert left(folder, photos) == 0
    embedded = tmp_path / "embedded"
    painted.run(embedded, photos)
    assert painted.contents(folder) == painted.contents(embedded)
    assert painted.answers(folder) == painted.answers(embedded)


def test_a_photo_that_ends_its_process_is_skipped_and_no_other(
    workers: subprocess.Popen[str], postgres_uri: str, photos: Path, painted: ModuleType
) -> None:
    for number in range(6, PHOTOS):
        (photos / f"{number:02}.png").unlink()
    poison = painted.paint(photos / "poison.png", 999)
    folder = index_folder(postgres_uri)
    deadline = time.monotonic() + 120
    while True:
        pid = start(workers)
        while is_there(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if not left(folder, photos):
            break
    with open_catalog(folder, readonly=True) as catalog:
        assert catalog.counts().photos == 7  # one of them by its copy
        ((path, kind, reason),) = catalog.skipped()
    assert (path, kind) == (str(poison), "PhotoUnreadable")
    assert "3 times over" in reason
