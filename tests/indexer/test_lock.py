from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.lock import FILE_NAME, CacheLock, WriterLock
from model.errors import IndexLocked, IndexReadOnly, StorageError

HOLD = """
import sys
from indexer.lock import WriterLock
with WriterLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
AS_NOBODY = """
import os, sys
from indexer.lock import WriterLock
from model.errors import SegsearchError
if os.geteuid() == 0:
    os.setuid(65534)
try:
    with WriterLock(sys.argv[1]):
        print("held")
except SegsearchError as error:
    print(type(error).__name__)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.communicate()


def test_the_second_writer_learns_who_the_first_is(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(IndexLocked) as caught, WriterLock(tmp_path):
            pass
        expected = rf"another segsearch \(pid {process.pid}, since \d\d:\d\d\) is writing to "
        assert re.match(expected, str(caught.value))
        assert (tmp_path / FILE_NAME).read_text().count("\n") == 1
    with WriterLock(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / FILE_NAME).read_text()


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with WriterLock(tmp_path):
            pass


def test_a_writer_may_be_waited_for(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        began = time.monotonic()
        with pytest.raises(IndexLocked), WriterLock(tmp_path, wait=0.2):
            pass
        assert time.monotonic() - began >= 0.2
        assert process.stdin is not None
        threading.Timer(0.2, process.stdin.close).start()
        with WriterLock(tmp_path, wait=10):
            pass
        process.stdin = None


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    with WriterLock(tmp_path), pytest.raises(IndexLocked), WriterLock(tmp_path):
        pass


def test_the_lock_goes_with_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyError), WriterLock(tmp_path):
        raise KeyError
    with WriterLock(tmp_path):
        pass


@pytest.mark.parametrize("signature", ["", "{", "[]", '{"pid": "x"}', "\xff"])
def test_a_strange_signature_does_not_matter(tmp_path: Path, signature: str) -> None:
    with WriterLock(tmp_path):
        (tmp_path / FILE_NAME).write_bytes(signature.encode("latin-1"))
        with pytest.raises(IndexLocked, match=r"^another segsearch is writing"):
            WriterLock(tmp_path).__enter__()


def test_another_host_and_day_are_named(tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        (tmp_path / FILE_NAME).write_text('{"pid": 12, "host": "far\\n", "since": 86400}')
        with pytest.raises(IndexLocked, match=r"pid 12 on far\\n, since 1970-01-0\d \d\d:\d\d"):
            WriterLock(tmp_path).__enter__()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no folder"):
        WriterLock(tmp_path / "none").__enter__()
    assert not (tmp_path / "none").exists()


def test_a_read_only_folder_is_told() -> None:
    # not in pytest's own folder, which is closed to others
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o555)
        command = [sys.executable, "-c", AS_NOBODY, str(folder)]
        for _ in range(2):  # without a lock file, then with one that is somebody else's
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stdout.strip() == IndexReadOnly.__name__
            if os.geteuid() == 0:
                (folder / FILE_NAME).touch()
        folder.chmod(0o755)


def test_a_writer_waits_for_a_search_that_writes_the_cache(tmp_path: Path) -> None:
    searching = CacheLock(tmp_path)
    searching.__enter__()
    timer = threading.Timer(0.3, searching.__exit__, (None, None, None))
    timer.start()
    began = time.monotonic()
    with WriterLock(tmp_path):
        assert time.monotonic() - began > 0.2
        with pytest.raises(IndexLocked), CacheLock(tmp_path):
            pass
    timer.join()
    with CacheLock(tmp_path):
        pass


def test_a_search_that_writes_the_cache_is_no_writer(tmp_path: Path) -> None:
    with WriterLock(tmp_path), pytest.raises(IndexLocked), WriterLock(tmp_path):
        pass
    with CacheLock(tmp_path), pytest.raises(IndexLocked), CacheLock(tmp_path):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b'{"pid": 1, "host": "x", "since": 1e300}', b'{"pid": 1, "host": "x", "since": Infinity}',
        b'{"pid": ' + b"9" * 5000 + b', "host": "x", "since": 1}', b"[" * 100_000, b"\xff\xfe", b"",
        b"[1]", b'{"pid": null, "host": null, "since": null}', bytes(10_000),
    ],
)  # fmt: skip
def test_garbage_in_the_lock_s_file_is_passed_over(tmp_path: Path, content: bytes) -> None:
    with WriterLock(tmp_path) as lock:
        lock.path.write_bytes(content)
        with pytest.raises(IndexLocked, match="another segsearch"):
            WriterLock(tmp_path).__enter__()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_disk_without_locks_is_locked_by_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with WriterLock(tmp_path), pytest.raises(IndexLocked):
        WriterLock(tmp_path).__enter__()
    with WriterLock(tmp_path):
        pass
