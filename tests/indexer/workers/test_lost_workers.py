"""Workers that the system ends, that do not start again, and that lose their parent."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from indexer.update import Options, update
from indexer.workers.indexing_task import IndexingTask
from indexer.workers.local_pool import WorkerPool
from model.errors import ModelError, SegsearchError
from model.presets.preset import load_preset

CONFIG = IndexingTask("colours", 200.0)

# What a worker runs before all else. Files in the folder of CURSES are counters and switches.
CURSES = """
import os, signal, sys

HERE = os.environ["CURSES"]

def count(name):
    number = 0
    while True:
        try:
            os.mkdir(f"{HERE}/{name}.{number}")
            return number
        except FileExistsError:
            number += 1

if "indexer.workers" in " ".join(sys.orig_argv):
    started = count("started")
    if started in eval(os.environ.get("STILLBORN", "()")):
        os._exit(9)

    def curse(event, args):
        if event == "open" and isinstance(args[0], (str, bytes)):
            name = os.path.basename(os.fsdecode(args[0]))
            if name.startswith("crash"):
                os.abort()
            if name.startswith("greedy") and not os.path.exists(f"{HERE}/{name}.seen"):
                os.mkdir(f"{HERE}/{name}.seen")
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(curse)
"""


@pytest.fixture
def curses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "curses"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CURSES)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("CURSES", str(folder))
    return folder


@pytest.fixture
def paths(tmp_path: Path, painted: ModuleType) -> list[str]:
    return [str(painted.paint(tmp_path / f"{number}.png", number)) for number in range(4)]


def test_a_photo_whose_worker_is_killed_is_tried_again_alone(
    curses: Path, paths: list[str], tmp_path: Path, painted: ModuleType
) -> None:
    greedy = str(painted.paint(tmp_path / "greedy.png", 50))
    with WorkerPool(CONFIG, 2) as pool:
        outcomes = list(pool.do([*paths, greedy]))
        assert all(outcome.photo for outcome in outcomes)
        assert sorted(outcome.path for outcome in outcomes) == sorted([*paths, greedy])
        again = list(pool.do(paths))
        assert all(outcome.photo for outcome in again)
        assert pool.given_up == 1  # memory holds one worker fewer


def test_the_report_tells_of_workers_given_up(
    curses: Path, paths: list[str], tmp_path: Path, painted: ModuleType
) -> None:
    greedy = str(painted.paint(tmp_path / "greedy.png", 50))
    report = update(tmp_path / "index", [*paths, greedy], load_preset("colours"), Options(jobs=2))
    assert (report.added, report.skipped) == (len(paths) + 1, [])
    (note,) = report.notes
    assert note.startswith("1 of 2 worker processes given up")
    assert "`jobs`" in note


def test_a_killed_photo_is_told_and_not_remembered(
    tmp_path: Path, painted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "curses").mkdir()
    (tmp_path / "curses" / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def curse(event, args):\n"
        "    if event == 'open' and 'greedy' in str(args[0]):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "if 'indexer.workers' in ' '.join(sys.orig_argv):\n"
        "    sys.addaudithook(curse)\n"
    )
    (tmp_path / "in").mkdir()
    painted.paint(tmp_path / "in" / "greedy.png", 50)
    preset = load_preset("colours")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "curses"))
        report = update(tmp_path / "index", [tmp_path / "in"], preset, Options(jobs=1))
    ((_, kind, reason),) = report.skipped
    assert kind == "WorkerKilled"
    assert "`jobs=1`" in reason
    assert "memory" in reason
    report = update(tmp_path / "index", [tmp_path / "in"], preset, Options(jobs=1))
    assert (report.added, report.skipped) == (1, [])


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_replacement_that_dies_while_it_starts_ends_nothing(
    curses: Path,
    paths: list[str],
    tmp_path: Path,
    painted: ModuleType,
    jobs: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash = str(painted.paint(tmp_path / "crash.png", 50))
    monkeypatch.setenv("STILLBORN", f"({jobs}, {jobs + 1})")  # the first replacements
    with WorkerPool(CONFIG, jobs) as pool:
        outcomes = {outcome.path: outcome for outcome in pool.do([*paths, crash, *paths[:1]])}
    assert outcomes.pop(crash).kind == "PhotoUnreadable"
    assert all(outcome.photo for outcome in outcomes.values())


def test_a_worker_that_cannot_be_replaced_hands_on_its_photos(
    curses: Path,
    paths: list[str],
    tmp_path: Path,
    painted: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STILLBORN", "(1, 2, 3)")  # all that one seat tries
    with WorkerPool(CONFIG, 2) as pool:
        outcomes = list(pool.do(paths * 3))
        assert pool.given_up <= 1
    assert len(outcomes) == len(paths) * 3
    assert all(outcome.photo for outcome in outcomes)


def test_when_no_worker_starts_any_more_the_run_ends_in_one_line(
    curses: Path, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLBORN", "range(1000)")
    with WorkerPool(CONFIG, 3) as pool, pytest.raises(SegsearchError, match="exit code 9"):
        list(pool.do(paths))


def broken_nano(folder: Path, role: str, how: str) -> Path:
    """The bundled preset with one damaged weight file, and no digest to tell."""
    source = Path(__file__).resolve().parents[3] / "model/presets/nano" / f"{role}.safetensors"
    tensors = load_file(source)
    name = max(tensors, key=lambda name: tensors[name].size * (tensors[name].dtype.kind == "f"))
    if how == "NaN":
        tensors[name] = np.full_like(tensors[name], np.nan)
    else:
        tensors[name] = tensors[name][..., :-1].copy()
    from safetensors import safe_open

    with safe_open(source, framework="np") as file:
        metadata = file.metadata()
    save_file(tensors, folder / "broken.safetensors", metadata=metadata)
    path = folder / "own.toml"
    path.write_text(
        'extends = "nano"\nname = "own"\n'
        f'[weights.{role}]\nfile = "broken.safetensors"\nlicence = "MIT"\n'
    )
    return path


@pytest.mark.parametrize("role", ["head", "masks"])
@pytest.mark.parametrize("how", ["NaN", "shape"])
def test_broken_weights_are_no_photo_s_fault(
    role: str, how: str, paths: list[str], tmp_path: Path
) -> None:
    preset = load_preset(str(broken_nano(tmp_path, role, how)))
    with pytest.raises(ModelError) as told:
        update(tmp_path / "index", [tmp_path / "0.png"], preset, Options(jobs=1))
    assert "\n" not in str(told.value)
    good = load_preset("colours")
    with pytest.raises(SegsearchError):
        update(tmp_path / "index", [tmp_path / "0.png"], good, Options(jobs=1))


PARENT = """
import os, sys
from indexer.workers.local_pool import WorkerPool
from indexer.workers.indexing_task import IndexingTask
with WorkerPool(IndexingTask("colours", 200.0), 2) as pool:
    for _ in pool.do(sys.argv[1:3]): pass
    if "fork" in sys.argv and os.fork() == 0:
        import time; time.sleep(60); os._exit(0)  # it keeps the pipes open
    print(*[worker.pid for worker in pool._running], flush=True)
    for _ in pool.do([sys.argv[3]]): pass
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells of parents")
@pytest.mark.parametrize("forked", [False, True])
def test_workers_end_with_their_parent_whatever_they_do(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forked: bool
) -> None:
    """Also one that never lets go of the interpreter, and while a fork keeps the pipes open."""
    (tmp_path / "curses").mkdir()
    (tmp_path / "curses" / "sitecustomize.py").write_text(
        "import sys\n"
        "def curse(event, args):\n"
        "    if event == 'open' and 'endless' in str(args[0]):\n"
        "        import ctypes; ctypes.PyDLL(None).sleep(60)\n"
        "if 'indexer.workers' in ' '.join(sys.orig_argv):\n"
        "    sys.addaudithook(curse)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "curses"))
    endless = tmp_path / "endless.png"
    endless.write_bytes(Path(paths[0]).read_bytes())
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *paths[:2], str(endless), *["fork"] * forked],
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    try:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert workers
        time.sleep(0.5)
        parent.kill()
        parent.wait()
        until = time.monotonic() + 10
        while any(map(alive, workers)) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(map(alive, workers))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.stdout.close()
