"""Real files, and real events of the system; what is done with them is only recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from indexer.report import Report
from indexer.update import Options
from indexer.watch import watching as module
from indexer.watch.mounts import NetworkPlace
from indexer.watch.watching import WatchEvent, Watching, WatchSettings
from model.errors import IndexLocked, PresetMismatch, RootMissing

SETTINGS = WatchSettings(settle=0.3, rescan=1000, poll=0.2, retry=0.2, tick=0.05)


class Watch:
    """A watch in a thread of its own, and what it did."""

    def __init__(
        self, *roots: Path, settings: WatchSettings = SETTINGS, prune: bool = False
    ) -> None:
        self.events: list[WatchEvent] = []
        self.updates: list[tuple[list[str], Options]] = []
        self.error: Exception | None = None
        self.trouble: list[Exception] = []
        self._stop = threading.Event()
        self._watching = Watching(
            roots, self._update, self.events.append, Options(prune=prune), settings
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        self.until(lambda: self.updates or self.error)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.told
            time.sleep(0.02)

    @property
    def told(self) -> list[str]:
        return [event.event for event in self.events]

    @property
    def looked_at(self) -> list[list[str]]:
        return [[Path(folder).name for folder in folders] for folders, _ in self.updates]

    def _update(self, folders: Sequence[str], options: Options) -> Report:
        if self.trouble:
            raise self.trouble.pop(0)
        self.updates.append((list(folders), options))
        return Report(added=1)

    def _run(self) -> None:
        try:
            self._watching.run(self._stop)
        except Exception as error:
            self.error = error


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    return folder


@pytest.fixture
def watch(root: Path) -> Iterator[Watch]:
    with Watch(root) as started:
        yield started


def test_first_all_is_looked_at_then_what_is_new(watch: Watch, root: Path) -> None:
    assert watch.looked_at == [["photos"]]
    assert not watch.updates[0][1].parts
    (root / "trip" / "new.jpg").write_bytes(b"photo")
    watch.until(lambda: len(watch.updates) == 2)
    assert watch.looked_at[1] == ["trip"]
    assert watch.updates[1][1].parts
    assert watch.told == ["watching", "updated", "updated"]
    assert watch.events[1].to_dict()["added"] == 1


def test_a_slow_write_is_looked_at_once_it_stands_still(watch: Watch, root: Path) -> None:
    with (root / "trip" / "slow.jpg").open("wb", buffering=0) as file:
        for _ in range(8):
            file.write(b"part")
            time.sleep(0.1)
        written = time.monotonic()
        before = len(watch.updates)
    watch.until(lambda: len(watch.updates) > 1)
    assert before == 1
    assert time.monotonic() - written >= SETTINGS.settle * 0.9
    time.sleep(2 * SETTINGS.settle)
    assert watch.looked_at == [["photos"], ["trip"]]


def test_a_renamed_folder_is_looked_at_from_above_with_its_files(
    root: Path, tmp_path: Path
) -> None:
    (root / "trip" / "a.jpg").write_bytes(b"photo")
    with Watch(root) as watch:
        (root / "trip").rename(root / "journey")
        watch.until(lambda: len(watch.updates) == 2)
        assert watch.looked_at[1] == ["photos"]
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "b.jpg").write_bytes(b"photo")
        (tmp_path / "other").rename(root / "journey" / "other")  # one event, none of the file
        watch.until(lambda: len(watch.updates) == 3)
        assert watch.looked_at[2] == ["other"]


def test_what_is_no_photo_is_no_hint(watch: Watch, root: Path) -> None:
    (root / "trip" / "notes.txt").write_text("no photo")
    (root / "trip" / ".hidden.jpg").write_bytes(b"photo")
    (root / ".git").mkdir()
    (root / ".git" / "a.jpg").write_bytes(b"photo")
    (root / "trip" / "photo.jpg").write_bytes(b"photo")
    watch.until(lambda: len(watch.updates) == 2)
    time.sleep(2 * SETTINGS.settle)
    assert watch.looked_at == [["photos"], ["trip"]]


def test_many_files_in_one_folder_wait_as_the_folder(watch: Watch, root: Path) -> None:
    for number in range(700):
        (root / "trip" / f"{number}.jpg").write_bytes(b"photo")
    watch.until(lambda: len(watch.updates) > 1)
    time.sleep(2 * SETTINGS.settle)
    assert {tuple(folders) for folders in watch.looked_at[1:]} <= {("trip",), ("photos",)}
    assert len(watch.updates) < 5


def test_a_vanished_folder_changes_nothing_and_is_taken_up_again(watch: Watch, root: Path) -> None:
    away = root.with_name("away")
    root.rename(away)
    watch.until(lambda: "gone" in watch.told)
    time.sleep(2 * SETTINGS.settle)
    assert len(watch.updates) == 1
    away.rename(root)
    watch.until(lambda: len(watch.updates) == 2)
    assert watch.looked_at[1] == ["photos"]
    assert watch.told[2:] == ["gone", "back", "watching", "updated"]
    (root / "trip" / "new.jpg").write_bytes(b"photo")
    watch.until(lambda: len(watch.updates) == 3)


def test_a_folder_that_is_not_there_yet_is_waited_for(root: Path, tmp_path: Path) -> None:
    with Watch(root, tmp_path / "later") as watch:
        assert watch.looked_at == [["photos"]]
        assert "gone" in watch.told
        (tmp_path / "later").mkdir()
        watch.until(lambda: len(watch.updates) == 2)
        assert watch.looked_at[1] == ["photos", "later"]


def test_no_folder_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RootMissing, match="is not there"):
        Watch(tmp_path / "none")


def test_another_writer_is_waited_for_and_told_once(root: Path) -> None:
    started = Watch(root)
    started.trouble = [IndexLocked("another segsearch is writing", "wait")] * 3
    with started as watch:
        assert watch.told.count("waiting") == 1
        assert watch.looked_at == [["photos"]]


def test_the_first_failure_ends_it_and_later_ones_are_told(root: Path) -> None:
    started = Watch(root)
    started.trouble = [PresetMismatch("made with another preset", "use that")]
    with started:
        assert isinstance(started.error, PresetMismatch)
    with Watch(root) as watch:
        watch.trouble = [PresetMismatch("made with another preset", "use that")]
        (root / "a.jpg").write_bytes(b"photo")
        watch.until(lambda: "failed" in watch.told)
        (root / "b.jpg").write_bytes(b"photo")
        watch.until(lambda: len(watch.updates) == 2)
        assert watch.error is None


def test_pruning_is_judged_by_the_whole_folder(root: Path) -> None:
    (root / "trip" / "a.jpg").write_bytes(b"photo")
    with Watch(root, prune=True) as watch:
        (root / "trip" / "a.jpg").unlink()
        watch.until(lambda: len(watch.updates) == 2)
        assert watch.looked_at[1] == ["photos"]


def test_all_is_looked_at_again_from_time_to_time(root: Path) -> None:
    settings = WatchSettings(settle=0.3, rescan=0.3, tick=0.05)
    with Watch(root, settings=settings) as watch:
        watch.until(lambda: len(watch.updates) > 2)
        assert watch.looked_at[:3] == [["photos"]] * 3


def test_a_disk_of_the_network_is_polled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a mount needs another machine; what the table of mounts says is tested for itself
    monkeypatch.setattr(module, "network_places", lambda path: [NetworkPlace(path, "nfs4")])
    with Watch(root) as watch:
        assert watch.told == ["polling", "updated"]
        assert "nfs4" in watch.events[0].line
        (root / "trip" / "a.jpg").write_bytes(b"photo")
        watch.until(lambda: len(watch.updates) == 2)
        assert watch.looked_at[1] == ["trip"]
        (root / "trip" / "a.jpg").unlink()
        watch.until(lambda: len(watch.updates) == 3)


FEW_WATCHES = """
import sys, threading
from indexer.report import Report
from indexer.watch.watching import Watching, WatchSettings
stop, told = threading.Event(), []
def tell(event):
    told.append(event.event)
    print(event.line, flush=True)
def update(folders, options):
    if options.parts:
        stop.set()
    else:
        open(sys.argv[1] + "/7/new.jpg", "wb").close()
    return Report(added=1)
settings = WatchSettings(settle=0.2, poll=0.2, tick=0.05)
Watching([sys.argv[1]], update, tell, settings=settings).run(stop)
"""


def test_past_the_limit_of_the_system_a_folder_is_polled(root: Path) -> None:
    for number in range(8):
        (root / str(number)).mkdir()
    limited = 'echo 4 > /proc/sys/user/max_inotify_watches && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", limited, "sh", sys.executable, "-c"]
    try:
        subprocess.run([*command, ""], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody may limit what is watched here")
    done = subprocess.run(
        [*command, FEW_WATCHES, root],
        capture_output=True, text=True, check=False, timeout=100,
        cwd=Path(module.__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("polling ")
    assert "max_user_watches" in lines[0]
    assert lines[-1].startswith(f"{os.path.join(root, '7')}: 1 added")  # noqa: PTH118
