"""Outcomes outlive the process, a key tells what has changed, and attempts are counted."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.curation.stage_store import KILLED, MOST_ATTEMPTS, StageStore
from model.errors import CurationError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StageStore]:
    opened = StageStore(tmp_path / "stages.sqlite")
    yield opened
    opened.close()


def test_an_outcome_is_found_under_its_key_alone(store: StageStore) -> None:
    assert store.outcome("a", "boxes", "1") is None
    store.keep("a", "boxes", "1", {"boxes": [[0.1, 0.2]], "text": "Ä"})
    assert store.outcome("a", "boxes", "1") == {"boxes": [[0.1, 0.2]], "text": "Ä"}
    assert store.outcome("a", "boxes", "2") is None
    assert store.outcome("a", "masks", "1") is None
    store.keep("a", "boxes", "2", [])
    assert store.outcome("a", "boxes", "2") == []
    assert store.outcome("a", "boxes", "1") is None


def test_outcomes_outlive_the_store(tmp_path: Path) -> None:
    for expected in (None, [1]):
        store = StageStore(tmp_path / "s.sqlite")
        assert store.outcome("a", "x", "k") == expected
        store.keep("a", "x", "k", [1])
        store.close()


def test_three_attempts_are_made_and_a_new_key_begins_anew(store: StageStore) -> None:
    for _ in range(MOST_ATTEMPTS):
        assert store.begin("a", "captions", "1")
    assert not store.begin("a", "captions", "1")
    assert store.reason("a", "captions") == KILLED
    assert store.begin("a", "captions", "2")
    assert store.begin("b", "captions", "1")


def test_an_attempt_that_failed_tells_why_and_one_that_is_taken_back_does_not_count(
    store: StageStore,
) -> None:
    for _ in range(2 * MOST_ATTEMPTS):
        assert store.begin("a", "captions", "1")
        store.taken_back("a", "captions")
    for _ in range(MOST_ATTEMPTS):
        assert store.begin("a", "captions", "1")
        store.failed("a", "captions", "the model says nothing")
    assert not store.begin("a", "captions", "1")
    assert store.reason("a", "captions") == "the model says nothing"


def test_success_forgets_the_attempts(store: StageStore) -> None:
    for _ in range(2 * MOST_ATTEMPTS):
        assert store.begin("a", "captions", "1")
        store.keep("a", "captions", "1", [])


def test_an_attempt_is_written_before_the_process_can_be_killed(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from model.curation.stage_store import StageStore;"
        "s = StageStore(Path(sys.argv[1])); assert s.begin('a', 'x', 'k');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(MOST_ATTEMPTS):
        done = subprocess.run([sys.executable, "-c", script, os.fspath(file)], check=False)
        assert done.returncode == -signal.SIGKILL
    store = StageStore(file)
    assert not store.begin("a", "x", "k")
    store.close()


def test_a_damaged_outcome_counts_as_missing(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    store = StageStore(file)
    store.keep("a", "x", "k", [1])
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE outcomes SET data = x'00'")
    connection.close()
    store = StageStore(file)
    assert store.outcome("a", "x", "k") is None
    store.close()


def test_a_damaged_file_and_a_second_process_are_told(tmp_path: Path, store: StageStore) -> None:
    store.keep("a", "x", "k", [1])
    with pytest.raises(CurationError, match="another process works with"):
        StageStore(tmp_path / "stages.sqlite")
    (tmp_path / "damaged.sqlite").write_bytes(b"no data base" * 100)
    with pytest.raises(CurationError, match="delete it"):
        StageStore(tmp_path / "damaged.sqlite")
