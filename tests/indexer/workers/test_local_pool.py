import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from indexer.workers.indexing_task import IndexingTask
from indexer.workers.local_pool import WorkerPool
from indexer.workers.worker import Start, send
from model.errors import PresetUnknown, SegsearchError

ORDER = IndexingTask("colours", 200.0)
ROOT = Path(__file__).resolve().parents[3]

# What a worker runs before all else: opening a file of a certain name has consequences.
CURSES = """
import os, signal, sys, time

def curse(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        name = os.path.basename(os.fsdecode(args[0]))
        if name.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("first time deadly"):
            try:
                os.mkdir(os.fsdecode(args[0]) + ".seen")
            except FileExistsError:
                return
            os.abort()
        if name.startswith("endless"):
            time.sleep(600)

def fstat(handle, fstat=os.fstat):
    status = fstat(handle)
    name = os.readlink(f"/proc/self/fd/{handle}")
    if os.path.basename(name).startswith("growing"):
        with open(name, "ab") as file:
            file.write(b"and more")
    return status

os.fstat = fstat
sys.addaudithook(curse)
"""


@pytest.fixture
def cursed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers started from here on end or hang over files whose names say so."""
    (tmp_path / "curses").mkdir()
    (tmp_path / "curses" / "sitecustomize.py").write_text(CURSES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "curses"))


@pytest.fixture
def paths(tmp_path: Path, painted: ModuleType) -> list[str]:
    return [str(painted.paint(tmp_path / f"{number}.png", number)) for number in range(6)]


def children() -> set[int]:
    """Processes that this one has started and that have not been waited for."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture(autouse=True)
def _nobody_is_left() -> None:
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_photo_has_one_outcome(paths: list[str], jobs: int) -> None:
    with WorkerPool(ORDER, jobs) as pool:
        first = list(pool.do(paths[:4]))
        again = list(pool.do(paths[2:]))
    assert sorted(outcome.path for outcome in first) == paths[:4]
    assert sorted(outcome.path for outcome in again) == paths[2:]
    assert all(outcome.photo for outcome in first + again)


@pytest.mark.parametrize("jobs", [1, 2])
def test_photos_looked_at_together_have_one_outcome_each(paths: list[str], jobs: int) -> None:
    with WorkerPool(ORDER, jobs, together=4) as pool:
        outcomes = list(pool.do(paths))
        again = list(pool.do([*paths[:3], "/no such.png"]))
    assert sorted(outcome.path for outcome in outcomes) == paths
    assert all(outcome.photo for outcome in outcomes)
    assert {outcome.path: outcome.kind for outcome in again} == {
        **dict.fromkeys(paths[:3], ""),
        "/no such.png": "PhotoChanged",
    }


def test_what_is_left_is_shared(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker takes photos that another could look at meanwhile."""
    portions: list[int] = []

    def noted(stream: object, message: object) -> None:
        if isinstance(message, list):
            portions.append(len(message))
        send(stream, message)  # type: ignore[arg-type]

    monkeypatch.setattr("indexer.workers.worker_process.send", noted)
    with WorkerPool(ORDER, 1, together=4) as pool:
        for path in paths:
            pool._items.put(path)  # all there before the first is taken
        assert len([pool._answers.get() for _ in paths]) == 6
    assert sorted(portions) in ([2, 4], [1, 1, 4])
    portions.clear()
    pool = WorkerPool(ORDER, 3, together=4)
    for path in paths:
        pool._items.put(path)
    assert [len(pool._take()) for _ in range(4)] == [2, 2, 1, 1]


def test_workers_are_numbered_and_who_replaces_one_has_its_number(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int] = []

    def noted(stream: object, message: object) -> None:
        if isinstance(message, Start):
            numbers.append(message.worker)
        send(stream, message)  # type: ignore[arg-type]

    monkeypatch.setattr("indexer.workers.worker_process.send", noted)
    with WorkerPool(ORDER, 2) as pool:
        list(pool.do(paths * 2))
        for worker in list(pool._running):
            worker.kill()
        list(pool.do(paths * 2))
    assert set(numbers) == {0, 1}
    assert len(numbers) > 2


def test_no_photos_need_no_workers() -> None:
    before = children()
    with WorkerPool(ORDER, 2) as pool:
        assert list(pool.do([])) == []
        assert children() == before


@pytest.mark.usefixtures("cursed")
def test_a_photo_that_kills_is_skipped_after_two_tries(
    paths: list[str], painted: ModuleType, tmp_path: Path
) -> None:
    deadly = str(painted.paint(tmp_path / "deadly.png", 50))
    once = str(painted.paint(tmp_path / "first time deadly.png", 51))
    with WorkerPool(ORDER, 1) as pool:
        outcomes = list(pool.do([*paths[:2], deadly, once, *paths[2:]]))
    assert [outcome.path for outcome in outcomes] == [*paths[:2], deadly, once, *paths[2:]]
    skipped = outcomes.pop(2)
    assert (skipped.photo, skipped.kind) == (None, "WorkerKilled")
    assert f"the system ended the process that looks at {deadly} (signal 9" in skipped.reason
    assert skipped.reason.endswith("or index again with `jobs=1`")
    assert all(outcome.photo for outcome in outcomes)


@pytest.mark.usefixtures("cursed")
def test_a_photo_that_kills_is_found_among_others(
    paths: list[str], painted: ModuleType, tmp_path: Path
) -> None:
    deadly = str(painted.paint(tmp_path / "deadly.png", 50))
    with WorkerPool(ORDER, 1, together=8) as pool:
        outcomes = {outcome.path: outcome for outcome in pool.do([*paths[:3], deadly])}
        after = list(pool.do(paths))
    assert f"the process that looks at {deadly} (signal 9" in outcomes.pop(deadly).reason
    assert sorted(outcomes) == paths[:3]
    assert all(outcome.photo for outcome in [*outcomes.values(), *after])


@pytest.mark.usefixtures("cursed")
def test_a_photo_that_hangs_is_found_among_others(
    paths: list[str], painted: ModuleType, tmp_path: Path
) -> None:
    endless = str(painted.paint(tmp_path / "endless.png", 52))
    with WorkerPool(ORDER, 1, together=3, patience=2.0) as pool:
        outcomes = {outcome.path: outcome for outcome in pool.do([paths[0], endless])}
    assert outcomes.pop(endless).reason.startswith(f"{endless} took longer than 2 s to look at")
    assert outcomes[paths[0]].photo


@pytest.mark.usefixtures("cursed")
def test_a_photo_that_hangs_is_given_up_once(
    paths: list[str], painted: ModuleType, tmp_path: Path
) -> None:
    endless = str(painted.paint(tmp_path / "endless.png", 52))
    began = time.monotonic()
    with WorkerPool(ORDER, 1, patience=2.0) as pool:
        outcomes = {outcome.path: outcome for outcome in pool.do([endless, *paths[:2]])}
    assert 2 < time.monotonic() - began < 15
    assert outcomes.pop(endless).reason.startswith(f"{endless} took longer than 2 s to look at")
    assert all(outcome.photo for outcome in outcomes.values())


@pytest.mark.usefixtures("cursed")
def test_a_photo_that_changes_while_it_is_read_is_not_believed(
    paths: list[str], painted: ModuleType, tmp_path: Path
) -> None:
    growing = str(painted.paint(tmp_path / "growing.png", 53))
    with WorkerPool(ORDER, 1) as pool:
        changed, other = pool.do([growing, paths[0]])
    assert (changed.photo, changed.kind) == (None, "PhotoChanged")
    assert changed.reason == f"{growing} changed while it was being read"
    assert other.photo


@pytest.mark.usefixtures("cursed")
@pytest.mark.parametrize("wait", [0.0, 0.3, 2.5])
def test_leaving_ends_workers_whatever_they_do(
    painted: ModuleType, tmp_path: Path, wait: float
) -> None:
    endless = [str(painted.paint(tmp_path / f"endless {n}.png", n)) for n in range(3)]
    with WorkerPool(ORDER, 2) as pool:
        pool._items.put(endless[0])
        pool._items.put(endless[1])
        time.sleep(wait)  # not started, loading, at work
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_a_reader_in_no_hurry_is_waited_for(paths: list[str]) -> None:
    many = paths * 20
    with WorkerPool(ORDER, 1) as pool:
        outcomes = pool.do(many)
        next(outcomes)
        time.sleep(1)
        assert pool._answers.qsize() <= 3
        assert len(list(outcomes)) == len(many) - 1


def test_a_preset_that_cannot_be_used_stops_all(paths: list[str]) -> None:
    with WorkerPool(IndexingTask("telepathy", 200.0), 2) as pool, pytest.raises(PresetUnknown):
        list(pool.do(paths))


@pytest.mark.parametrize("slowly", ["", "time.sleep(0.3); "])
def test_a_worker_that_cannot_start_is_one_line(
    slowly: str,
    paths: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import os, time; os.close(1); {slowly}os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        WorkerPool(ORDER, 1) as pool,
        pytest.raises(SegsearchError, match=r"\(exit code 7\).*doctor"),
    ):
        list(pool.do(paths))
    assert capfd.readouterr().err == ""


SCRIPT = """
import os, sys
{path}
from indexer.update import Options, update
from model.presets.preset import load_preset
from pathlib import Path

os.chdir({folder!r})
report = update(Path({folder!r}) / "index", [{folder!r}], load_preset("colours"), Options(jobs=1))
print("once:", report)
"""


@pytest.mark.parametrize("way", ["script", "-c"])
def test_other_folders_called_model_do_not_matter(
    paths: list[str], tmp_path: Path, way: str
) -> None:
    """Nor that a script has no guard against being run again by its workers."""
    for name in ("model", "cli", "indexer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not this one')")
    script = SCRIPT.format(folder=str(tmp_path), path=f"sys.path.insert(0, {str(ROOT)!r})")
    if way == "script":
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "mine.py").write_text(script)
        command = [sys.executable, "sub/mine.py"]
    else:
        command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "once: 6 added\n", done.stderr


def test_workers_are_beyond_the_reach_of_ctrl_c(paths: list[str]) -> None:
    with WorkerPool(ORDER, 1) as pool:
        next(pool.do(paths))
        (worker,) = pool._running
        assert os.getpgid(worker.pid) == worker.pid != os.getpgid(os.getpid())
        os.kill(worker.pid, signal.SIGKILL)
