"""Whatever ends an indexing run, what it had stored is kept and the next one completes it."""

import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as SQLiteDialect

from indexer.catalog.sqlite import seals, sqlite_reader
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.lock import WriterLock
from model.errors import IndexLocked, IndexMissing

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 40
KILLS = 20
CHOSEN = [  # before the catalog is, while it is made, and before, while and after vectors are saved
    "open writer.lock",
    "sqlite3.connect catalog.sqlite",
    "sqlite3.connect/handle",
    "open vectors.faiss.unfinished",
    "os.rename vectors.faiss.unfinished",
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, painted: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS):
        painted.paint(folder / f"{number}.png", number, scale=12)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, painted: ModuleType
) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert painted.run(folder, photos, jobs=2).added == PHOTOS
    return folder


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What is in the environment of all processes that are started from here."""
    monkeypatch.setenv("MARK_OF_THIS_TEST", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return f"MARK_OF_THIS_TEST={tmp_path}"


def processes(mark: str) -> list[int]:
    """Those with the mark in their environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def assert_gone(mark: str, but: int | None = None) -> None:
    """All processes with the mark end by themselves, soon."""
    deadline = time.monotonic() + 5
    while left := [pid for pid in processes(mark) if pid != but]:
        assert time.monotonic() < deadline, f"processes {left} are left"
        time.sleep(0.01)


@pytest.fixture
def runs(marked: str, tmp_path: Path, photos: Path) -> Iterator[subprocess.Popen[str]]:
    shutil.copytree(photos, tmp_path / "photos")
    script = Path(__file__).with_name("indexing_at.py")
    command = [sys.executable, str(script), str(tmp_path / "index"), str(tmp_path / "photos")]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.stdin.close()


def killed(runs: subprocess.Popen[str], at: str | tuple[int, float]) -> None:
    """One run, killed at an event, or so many seconds after so many photos were stored."""
    runs.stdin.write(f"{at if isinstance(at, str) else ''}\n")
    runs.stdin.flush()
    pid = int(runs.stdout.readline())
    told = 0
    while runs.stdout.readline() != "ended\n":
        if not isinstance(at, str) and told == at[0]:
            time.sleep(at[1])
            with suppress(ProcessLookupError):  # a quick run has ended by itself
                os.kill(pid, signal.SIGKILL)
        told += 1  # of the plan, then of each photo


def test_twenty_kills_leave_the_index_as_if_undisturbed(
    runs: subprocess.Popen[str], marked: str, tmp_path: Path, painted: ModuleType
) -> None:
    chance = random.Random(7)
    index, photos = tmp_path / "index", tmp_path / "photos"
    anywhere = [(chance.randrange(6), chance.uniform(0, 0.08)) for _ in range(KILLS - 8)]
    instants = [*CHOSEN[:3], (0, 0.0), (0, 0.2), *anywhere, *CHOSEN[3:], (0, 0.01)]
    stored = []
    for number, instant in enumerate(instants):
        if number > KILLS - 4:  # there is always something to save
            painted.paint(photos / f"late {number}.png", 200 + number)
        killed(runs, instant)
        assert_gone(marked, but=runs.pid)
        if number > 3:
            with SqliteCatalog.open(index, readonly=True) as catalog:
                assert catalog.check(full=True) == []
                stored.append(catalog.counts().photos)
    assert len(instants) == KILLS
    assert stored == sorted(stored)  # nothing is ever lost
    assert len(set(stored)) > 5  # and the kills came in the middle of things
    report = painted.run(index, photos, jobs=2)
    assert report.skipped == []
    assert sorted(path.name for path in index.iterdir()) == [
        "cache.lock", "catalog.sqlite", "thumbnails.sqlite", "vectors.faiss", "writer.lock",
    ]  # fmt: skip
    undisturbed = tmp_path / "undisturbed"
    painted.run(undisturbed, photos, jobs=2)
    assert painted.contents(index) == painted.contents(undisturbed)
    for words in ("red", "blue"):
        assert painted.answers(index, words) == painted.answers(undisturbed, words)
    runs.stdin.close()
    assert runs.stderr.read() == ""


def started(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *map(str, arguments)], start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_photos(index: Path, least: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (index / "catalog.sqlite").exists():
            with suppress(IndexMissing), SqliteCatalog.open(index, readonly=True) as catalog:
                if catalog.counts().photos >= least:
                    return
        time.sleep(0.01)
    raise AssertionError("nothing is stored")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_stored(
    stop: signal.Signals,
    marked: str,
    tmp_path: Path,
    photos: Path,
    painted: ModuleType,
    undisturbed: Path,
) -> None:
    index = tmp_path / "index"
    indexing = started("index", photos, "--index", index, "--preset", "colours", "--jobs", 2)
    wait_for_photos(index, 1)
    os.killpg(indexing.pid, stop)  # as a terminal does
    began = time.monotonic()
    out, err = indexing.communicate(timeout=10)
    assert time.monotonic() - began < 3
    assert_gone(marked)
    if stop is signal.SIGINT:
        assert (indexing.returncode, out) == (130, ""), err
        assert err.splitlines()[1:] == ["interrupted; what was done so far is kept"]
    kept = len(painted.segment_ids(index))
    assert 1 <= kept < PHOTOS
    report = painted.run(index, photos)
    assert report.unchanged == kept
    assert painted.contents(index) == painted.contents(undisturbed)


@pytest.mark.parametrize("statement", ["INSERT INTO segments", "COMMIT", "SELECT"])
def test_ctrl_c_in_the_middle_of_a_statement_is_just_that(
    statement: str, catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 1, 3)
    execute = SQLiteDialect.do_execute
    executemany = SQLiteDialect.do_executemany
    run_many = seals.run_many

    def interrupted(do: Callable[..., None]) -> Callable[..., None]:
        def run(dialect: Any, cursor: Any, text: str, *arguments: object) -> None:
            do(dialect, cursor, text, *arguments)
            if text.startswith(statement):
                raise KeyboardInterrupt

        return run

    def interrupted_many(connection: Any, text: str, rows: Any) -> None:
        run_many(connection, text, rows)
        if text.startswith(statement):
            raise KeyboardInterrupt

    cursors = []

    def left_open(connection: Connection, text: str, *values: object) -> list[Any]:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        cursors.append(driver.cursor().execute(text, values))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(seals, "run_many", interrupted_many)  # straight through the driver
        patch.setattr(sqlite_reader, "fetched", left_open)
        patch.setattr(SQLiteDialect, "do_execute", interrupted(execute))
        patch.setattr(SQLiteDialect, "do_executemany", interrupted(executemany))
        with pytest.raises(KeyboardInterrupt):
            made.write(catalog, 3, 4)
        if statement == "SELECT":
            with pytest.raises(KeyboardInterrupt):
                catalog.segment_ids()
            with pytest.raises(KeyboardInterrupt):
                catalog.counts()
            assert len(cursors) == 1
    cursors.clear()
    assert catalog.counts().photos == (3 if statement == "COMMIT" else 2)
    assert catalog.check(full=True) == []
    gc.collect()  # SQLite keeps a closed connection until its last statement goes
    made.write(catalog, 3, 5)
    assert catalog.counts().photos == 4


def test_two_at_once_and_readers_meanwhile(
    marked: str, tmp_path: Path, photos: Path, painted: ModuleType, undisturbed: Path
) -> None:
    index = tmp_path / "index"
    first = started("index", photos, "--index", index, "--preset", "colours", "--jobs", 1, "-q")
    wait_for_photos(index, 1)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is at work as long as this needs
    try:
        second = started("index", photos, "--index", index, "--preset", "colours")
        out, err = second.communicate(timeout=30)
        assert (second.returncode, out) == (1, "")
        assert err.count("\n") == 1
        assert f"another segsearch (pid {first.pid}" in err
        with pytest.raises(IndexLocked, match=f"pid {first.pid}"), WriterLock(index):
            pass
        found = started("search", "red", "--index", index, "--json", "-k", 5)
        out, err = found.communicate(timeout=30)
        assert found.returncode == 0, err
        assert json.loads(out)["matches"][0]["score"] > 0.9
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.communicate(timeout=60) == (f"{PHOTOS} added\n", "")
    assert first.returncode == 0
    assert painted.contents(index) == painted.contents(undisturbed)
    assert_gone(marked)
