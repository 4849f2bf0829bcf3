import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

import pytest

from indexer.workers.indexing_task import IndexingTask
from indexer.workers.pipeline import Outcome
from indexer.workers.worker import Question, Start, receive, send
from model.errors import PresetUnknown
from model.presets.preset import load_preset

PRESET = load_preset("colours")
COMMAND = [sys.executable, "-c", "from indexer.workers.worker import main; main()"]


def answer_of(worker: subprocess.Popen[bytes]) -> list[Outcome]:
    """What becomes of photos, none of which is known."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    while isinstance(answer := receive(worker.stdout), Question):
        send(worker.stdin, (False,) * len(answer.body))
    return list(answer)


@pytest.fixture
def photo(tmp_path: Path, painted: ModuleType) -> Path:
    return painted.paint(tmp_path / "photo.png", 3)


@pytest.fixture
def worker() -> Iterator[Any]:
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )  # fmt: skip
    with process:
        yield process
        process.kill()


def test_a_worker_starts_without_what_only_its_parent_needs() -> None:
    code = (
        "import indexer.workers.worker, sys;"
        " print([name for name in ('sqlalchemy', 'faiss', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_it_answers_until_it_is_left(worker: Any, photo: Path) -> None:
    send(worker.stdin, Start(IndexingTask("colours", 200.0)))
    assert receive(worker.stdout) is None
    for path in (str(photo), os.fsdecode(b"/no \xff such\n.png"), str(photo)):
        send(worker.stdin, [path])
        assert [outcome.path for outcome in answer_of(worker)] == [path]
    worker.stdin.close()
    assert worker.wait(5) == 0
    assert worker.stderr.read() == b""


def test_it_leaves_while_it_still_loads(worker: Any) -> None:
    send(worker.stdin, Start(IndexingTask("colours", 200.0)))
    worker.stdin.close()
    began = time.monotonic()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 10


def test_a_preset_that_cannot_be_used_is_its_first_answer(worker: Any) -> None:
    send(worker.stdin, Start(IndexingTask("telepathy", 200.0)))
    refusal = receive(worker.stdout)
    assert isinstance(refusal, PresetUnknown)
    assert "telepathy" in str(refusal)
    assert refusal.fix
    assert worker.wait(5) == 0
    assert worker.stderr.read() == b""


def test_what_a_library_prints_is_no_answer(worker: Any, photo: Path, tmp_path: Path) -> None:
    chatty = "import os; os.system('echo hello'); print('from Python', flush=True)"
    command = [sys.executable, "-c", f"from indexer.workers import worker\n"
               f"from model.presets.preset import Preset\nbuild = Preset.build\n"
               f"def talk(self):\n    {chatty}\n    return build(self)\n"
               f"Preset.build = talk\nworker.main()"]  # fmt: skip
    talking = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )  # fmt: skip
    with talking:
        send(talking.stdin, Start(IndexingTask("colours", 200.0)))
        assert receive(talking.stdout) is None
        send(talking.stdin, [str(photo)])
        assert answer_of(talking)[0].photo is not None
        talking.stdin.close()
        assert talking.stderr.read() == b"hello\nfrom Python\n"


def test_a_message_may_come_in_pieces_without_a_buffer() -> None:
    message = ["a path" * 20000, b"x" * 200000]
    end, begin = os.pipe()
    with os.fdopen(end, "rb", buffering=0) as stream, os.fdopen(begin, "wb") as other:
        sending = threading.Thread(target=send, args=(other, message))
        sending.start()  # a pipe holds 65,536 bytes: it is read while it is written
        assert receive(cast(BinaryIO, stream)) == message
        sending.join()
        other.write(b"1234")
        other.close()
        with pytest.raises(EOFError):
            receive(cast(BinaryIO, stream))


@pytest.mark.parametrize("again", range(3))
def test_a_refused_worker_ends_while_its_pipe_stays_open(worker: Any, again: int) -> None:
    send(worker.stdin, Start(IndexingTask("telepathy", 200.0)))
    receive(worker.stdout)
    assert worker.wait(20) == 0  # no signal 6: nobody holds the lock of a buffer
    assert worker.stderr.read() == b""
