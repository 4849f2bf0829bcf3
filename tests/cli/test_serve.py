"""`segsearch serve` as a person starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from command_line import Run


def test_its_address_alone_is_printed_and_it_ends_when_interrupted(indexed: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--index", str(indexed)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert httpx.get(f"{address}api/v1/healthz", timeout=20).json() == {"ok": True}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, process.returncode) == ("", 130), err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--host", "0.0.0.0"], 1, "give --token"),
        (["--host", "0.0.0.0", "--token", "short"], 1, "16 or more random"),
        (["--demo"], 2, "one of --demo and --index"),
        (["--host", "192.0.2.1", "--token", "0123456789abcdef"], 1, "nothing can listen"),
    ],
)
def test_what_cannot_be_served_is_told(
    run: Run, indexed: Path, options: list[str], code: int, told: str
) -> None:
    done = run("serve", "--port", "0", "--index", indexed, *options)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_that_the_extra_is_missing_is_told_in_a_line(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("searchengine.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    done = run("serve", "--index", indexed)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "install segsearch[serve]" in done.err
