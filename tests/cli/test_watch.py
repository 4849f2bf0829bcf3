"""The command itself, in a process of its own, over real files."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Run

ROOT = Path(__file__).resolve().parents[2]
Watcher = subprocess.Popen[str]


@pytest.fixture
def watcher(photos: Path, indexed: Path, tmp_path: Path) -> Iterator[Watcher]:
    """The command over a copy of the photos, whose content is indexed already."""
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copytree(indexed, tmp_path / "index")
    command = [
        sys.executable, "-m", "cli.main", "watch", tmp_path / "photos", "--index",
        tmp_path / "index", "--settle", "0.2", "-j", "1", "--json",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def told(watcher: Watcher, event: str) -> dict[str, Any]:
    """The next event of that kind."""
    assert watcher.stdout is not None
    for line in watcher.stdout:
        document: dict[str, Any] = json.loads(line)
        if document["event"] == event:
            return document
    raise AssertionError(watcher.stderr and watcher.stderr.read())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_indexes_what_comes_and_ends_cleanly(
    watcher: Watcher, tmp_path: Path, ending: signal.Signals
) -> None:
    folder = tmp_path / "photos"
    assert told(watcher, "watching")["folder"] == str(folder)
    first = told(watcher, "updated")
    assert first["recognised"] == 3
    assert [Path(each["path"]).name for each in first["skipped"]] == ["broken.png"]
    (folder / "trip").mkdir()
    shutil.copy(folder / "red.png", folder / "trip" / "copy.png")
    second = told(watcher, "updated")
    assert second["folders"] == [str(folder / "trip")]
    assert (second["recognised"], second["added"]) == (1, 0)
    watcher.send_signal(ending)
    out, err = watcher.communicate(timeout=60)
    assert (watcher.returncode, out) == (0, "")
    assert err == "stopped; what was done so far is kept\n"


def test_the_index_knows_the_folder_and_not_its_parts(
    watcher: Watcher, tmp_path: Path, photos: Path
) -> None:
    from indexer.index import Index

    told(watcher, "updated")
    (tmp_path / "photos" / "trip").mkdir()
    shutil.copy(photos / "red.png", tmp_path / "photos" / "trip" / "copy.png")
    told(watcher, "updated")
    with Index.open(tmp_path / "index") as index:
        assert set(index.catalog.roots()) == {str(photos), str(tmp_path / "photos")}


def test_a_folder_that_is_missing_is_one_line(run: Run, tmp_path: Path) -> None:
    done = run("watch", tmp_path / "gone", "--index", tmp_path / "index")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "gone is not there" in done.err


def test_a_whole_machine_is_asked_for(run: Run, tmp_path: Path) -> None:
    done = run("watch", "/", "--index", tmp_path / "index")
    assert done.code == 2
    assert "--yes" in done.err
