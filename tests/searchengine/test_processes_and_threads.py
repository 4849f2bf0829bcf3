"""One engine in forked and spawned processes, in eight threads, and after a change of folder."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from searchengine import Options, SearchEngine
from searchengine.turns import EngineTurns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of three pictures, looked at with `colours`."""
    rng = np.random.default_rng(3)
    (tmp_path / "in").mkdir()
    for number, colour in enumerate(((200, 20, 20), (20, 160, 40), (30, 40, 200))):
        pixels = rng.integers(0, 20, (120, 160, 3)).astype(np.uint8)
        pixels[20:90, 30:110] = colour
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    with SearchEngine.open(tmp_path / "index", "colours") as engine:
        engine.index(tmp_path / "in", options=Options(jobs=1))
    return tmp_path / "index"


def answer(engine: SearchEngine, words: str = "red") -> list[int]:
    return [match.segment_id for match in engine.search(words, 5)]


def ask(engine: SearchEngine, answers: "multiprocessing.SimpleQueue[list[int]]") -> None:
    answers.put(answer(engine))


FORKING = """
import os, sys
from searchengine import SearchEngine
import torch
torch.set_num_threads(2)
engine = SearchEngine.open(sys.argv[1])
before = [match.segment_id for match in engine.search("tree", 3)]
torch.ones(2000, 2000).mul(2).sum()  # its threads are at work
child = os.fork()
if not child:
    same = [match.segment_id for match in engine.search("tree", 3)] == before
    torch.ones(2000, 2000).mul(2).sum()
    os._exit(0 if same and torch.get_num_threads() == 1 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
engine.search("sky", 3)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
@pytest.mark.parametrize("preset", ["colours", "nano"])
def test_a_forked_engine_answers(folder: Path, tmp_path: Path, preset: str) -> None:
    if preset == "nano":
        with SearchEngine.open(tmp_path / "nano", "nano") as engine:
            engine.index(tmp_path / "in" / "0.png", options=Options(jobs=1))
        folder = tmp_path / "nano"
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(folder)], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr


@pytest.mark.parametrize("way", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_process_of_any_start_takes_an_engine(folder: Path, way: str) -> None:
    context = multiprocessing.get_context(way)
    with SearchEngine.open(folder) as engine:
        expected = answer(engine)
        if way != "fork":  # their processes import this file by its name, which pytest made up
            with pickle.loads(pickle.dumps(engine)) as other:
                assert answer(other) == expected
            return
        answers = context.SimpleQueue()
        process = context.Process(target=ask, args=(engine, answers))
        process.start()
        assert answers.get() == expected
        process.join()
        assert answer(engine) == expected


SPAWNING = """
import multiprocessing, sys
from searchengine import SearchEngine

def ask(engine):
    return [match.segment_id for match in engine.search("red", 5)]

if __name__ == "__main__":
    engine = SearchEngine.open(sys.argv[1])
    expected = ask(engine)
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        print(pool.map(ask, [engine] * 3) == [expected] * 3)
"""


@pytest.mark.parametrize(
    "way", [way for way in multiprocessing.get_all_start_methods() if way != "fork"]
)
def test_pools_of_processes_take_an_engine(folder: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "asking.py").write_text(SPAWNING)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "asking.py"), str(folder), way],
        capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


def test_eight_threads_share_an_engine(folder: Path) -> None:
    with SearchEngine.open(folder) as engine:
        expected = {words: answer(engine, words) for words in ("red", "green", "blue")}
    engine = SearchEngine.open(folder)
    wrong: list[object] = []

    def use(number: int) -> None:
        try:
            for step in range(12):
                words = ("red", "green", "blue")[(number + step) % 3]
                if answer(engine, words) != expected[words]:
                    wrong.append((number, words))
                if len(list(engine.segments())) < 3 or engine.status().photos != 3:
                    wrong.append(number)
                if number == 0 and step % 4 == 3:
                    engine.close()  # opened again by who asks next
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    engine.close()


def test_another_current_folder_changes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.toml").write_text('extends = "colours"\nname = "own"\n')
    monkeypatch.chdir(tmp_path)
    with SearchEngine.open("index") as engine, SearchEngine.open("new", "own.toml") as other:
        monkeypatch.chdir("/")
        assert answer(engine)
        assert engine.folder == folder
        assert other.index(tmp_path / "in", options=Options(jobs=1)).added == 3
        assert answer(other)
    assert (tmp_path / "new" / "catalog.sqlite").is_file()


def test_an_engine_that_came_before_its_index_takes_the_index_s_preset(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    early = SearchEngine.open(tmp_path / "index")
    assert early.preset.name == "nano"
    with SearchEngine.open(tmp_path / "index", "colours") as engine:
        engine.index(tmp_path / "red.png", options=Options(jobs=1))
    assert early.preset.name == "colours"
    assert answer(early)
    early.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_turn_that_another_thread_had_is_free_in_a_fork() -> None:
    told: list[int] = []
    turns = EngineTurns(lambda: told.append(os.getpid()))
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn():
            held.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    child = os.fork()
    if not child:
        with turns.turn(), turns.turn():
            os._exit(0 if told == [os.getpid()] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    over.set()
    thread.join()
    assert not told
