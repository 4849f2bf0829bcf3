"""What shells do to stdout, stderr and stdin."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Run
from PIL import Image, ImageDraw

COMMAND = f"{sys.executable} -m cli.main"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a photo with a name that few encodings have."""
    from searchengine import Options, SearchEngine

    folder = tmp_path_factory.mktemp("named")
    picture = Image.new("RGB", (160, 120), (128, 128, 128))
    ImageDraw.Draw(picture).rectangle((20, 30, 100, 90), fill=(30, 60, 210))
    (folder / "photos").mkdir()
    picture.save(folder / "photos" / "写真 é.png")
    with SearchEngine.open(folder / "index", preset="colours") as engine:
        engine.index(folder / "photos", options=Options(jobs=1))
    return folder / "index"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    import os

    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=os.environ | environment, capture_output=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1252", "\\u5199\\u771f é"), ("ascii", "\\u5199\\u771f \\xe9"), ("utf-16", "写真 é")],
)
def test_any_encoding_of_stdout_is_served(named: Path, encoding: str, name: str) -> None:
    done = shell(f"{COMMAND} search blue --index {named}", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{name}.png" in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("redirected", "code", "err"),
    [
        ("| head -1", 0, 0),
        ("| head -c 0", 0, 0),
        ("2>/dev/full", 0, 0),
        ("2>&-", 0, 0),
        (">/dev/full", 1, 1),
        (">&-", 1, 1),
        (">/dev/full 2>&1", 1, 0),
    ],
)
def test_what_is_not_written_decides_the_exit_code(
    named: Path, tmp_path: Path, redirected: str, code: int, err: int
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("green\n" * 300)
    done = shell(f"{COMMAND} search --batch {questions} --index {named} {redirected}")
    assert done.returncode == code
    assert done.stderr.count(b"\n") == err, done.stderr


def test_a_closed_stdin_is_told(named: Path) -> None:
    done = shell(f"{COMMAND} search --batch - --index {named} <&-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"segsearch: standard input is closed: pipe the questions in, or name a file\n"
    )


@pytest.mark.parametrize("after", [0.05, 0.1, 0.2])
def test_an_early_interrupt_leaves_no_traceback(named: Path, after: float) -> None:
    """Python itself may not be there yet: then the signal ends it, or its own one line does."""
    import signal

    code = "print(flush=True); from cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "search", "blue", "--index", str(named)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    assert b"Traceback" not in err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_batch_is_read_in_the_encoding_that_it_has(
    run: Run, named: Path, tmp_path: Path, encoding: str
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_bytes("blue\r\nblue – é写\r\nblue #".encode(encoding))
    english = ("--language", "en")  # which is not looked for then
    done = run("search", "--batch", questions, "--index", named, "-k", 1, *english)
    assert done.code == 0
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [each["query"] for each in told] == ["blue", "blue – é写", "blue #"]
    assert [each["understood"]["words"] for each in told] == ["blue", "blue é写", "blue"]
    assert told[0]["matches"] == told[2]["matches"]
