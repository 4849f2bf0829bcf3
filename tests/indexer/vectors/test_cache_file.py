import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from indexer.catalog.records import Watermark
from indexer.vectors.cache_file import (
    CacheOrigin,
    CacheOutdated,
    read_origin,
    unfinished_path,
    write_sealed,
)
from model.errors import IndexDamaged

ORIGIN = CacheOrigin(
    Watermark("0a" * 16, 3, "0b" * 16), space="abc", dimension=4, count=10, kind="flat"
)


def write(path: Path, content: Any, origin: Any = ORIGIN) -> None:
    def body(sink: Any) -> None:
        for i in range(0, len(content), 1000):
            sink(content[i : i + 1000])

    write_sealed(path, body, origin)


@pytest.fixture
def path(tmp_path: Path) -> Any:
    path = tmp_path / "vectors.faiss"
    write(path, os.urandom(20_000))
    return path


@pytest.mark.parametrize("length", [0, 1, 4096, 100_000])
def test_what_is_written_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "vectors.faiss"
    content = os.urandom(length)
    write(path, content)
    assert read_origin(path, whole=True) == ORIGIN
    assert path.read_bytes()[:length] == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_origin(tmp_path / "vectors.faiss")


@pytest.mark.parametrize("left", [0, 1, 11, 12, 4_000, 19_999, 20_000, 20_100, -1])
def test_a_file_cut_short(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(IndexDamaged, match="cut short"):
        read_origin(path)


def test_a_file_of_something_else(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n" * 500)
    with pytest.raises(IndexDamaged, match="no file of vectors"):
        read_origin(path)


def test_a_body_that_lost_its_middle(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:9_000] + content[10_000:])
    with pytest.raises(IndexDamaged, match="not as it was written"):
        read_origin(path)


def test_every_flipped_bit_is_seen_by_who_reads_all(path: Path) -> None:
    content = path.read_bytes()
    for place in [0, 5, 4095, 10_000, 19_999, 20_001, *range(20_002, len(content), 5)]:
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(IndexDamaged):
            read_origin(path, whole=True)
        if place < 20_000:
            assert read_origin(path) == ORIGIN
        else:
            with pytest.raises(IndexDamaged):
                read_origin(path)


def test_a_file_of_another_version_is_no_damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8] + b"segvec01")
    with pytest.raises(CacheOutdated):
        read_origin(path)


@pytest.mark.parametrize("seal", [b"{}", b"[]", b"nonsense", b'{"origin": 3}', b"\xff\xfe"])
def test_a_seal_that_is_not_understood(path: Path, seal: bytes) -> None:
    path.write_bytes(
        b"body" + seal + blake3(seal).digest() + len(seal).to_bytes(4, "little") + b"segvec02"
    )
    with pytest.raises(IndexDamaged, match="not understood"):
        read_origin(path)


def test_a_writer_that_fails_leaves_what_was_there(path: Path) -> None:
    before = path.read_bytes()

    def body(sink: Any) -> None:
        sink(b"x" * 10_000)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_sealed(path, body, ORIGIN)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there(path: Path) -> None:
    """A limit on the size of files fails in the middle of the body, as a full disk does."""
    before = path.read_bytes()
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, os.urandom(50_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
from pathlib import Path
from indexer.catalog.records import Watermark
from indexer.vectors.cache_file import CacheOrigin, write_sealed

def body(sink):
    for _ in range(200):
        sink(bytes([generation % 256]) * 10_000)

generation = 0
while True:
    generation += 1
    mark = Watermark("0a" * 16, generation, "0b" * 16)
    write_sealed(Path(sys.argv[1]), body, CacheOrigin(mark, "abc", 4, 10, "flat"))
    print(generation, flush=True)
"""


def test_killed_at_any_instant_the_file_is_one_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    unfinished = 0
    for round_ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        done = int(writer.stdout.readline())
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(0.004 * round_)
        writer.kill()
        done = max([done, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        # a kill between the rename and the print leaves one more than was told
        assert done <= read_origin(path, whole=True).watermark.generation <= done + 1
        unfinished += unfinished_path(path).exists()
    assert unfinished > 0  # else no kill came in the middle of a write
    write(path, b"the next writer is not troubled")
    assert list(tmp_path.iterdir()) == [path]
