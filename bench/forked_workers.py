"""Workers that share a folder's photos, each a fork of one warm process; see `sharing_workers`."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

SCRIPT = Path(__file__).with_name("sharing_workers.py")


class Workers:
    """Workers of one index, started when they are asked for."""

    def __init__(self, uri: str, photos: Path, cost: float, lease: float) -> None:
        command = [sys.executable, str(SCRIPT), uri, str(photos), str(cost), str(lease)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._orders, self._answers = self.process.stdin, self.process.stdout
        self._rest = b""
        self._pids: list[int] = []
        self._told: list[list[str]] = []

    @property
    def told(self) -> list[list[str]]:
        """What they told so far, a list of words each."""
        while select.select([self._answers], [], [], 0)[0] and self._hear():
            pass
        return self._told

    def start(self, order: str = "") -> int:
        """A worker's pid; it dies by an order of `deaths`, told as "POINT|NUMBER|VICTIM"."""
        self._orders.write(f"{order}\n".encode())
        while not self._pids and self._hear():
            pass
        return self._pids.pop(0)

    def end(self) -> list[list[str]]:
        """What all workers told, once each has ended."""
        self._orders.close()
        while self._hear():
            pass
        self.process.wait()
        return self._told

    def _hear(self) -> bool:
        """Take what comes next; whether anything did."""
        heard = self._answers.read(65536)
        *lines, self._rest = (self._rest + (heard or b"")).split(b"\n")
        for words in (line.decode().split() for line in lines):
            if len(words) == 1:
                self._pids.append(int(words[0]))
            else:
                self._told.append(words)
        return bool(heard)


@contextmanager
def painted_folder(count: int, shape: tuple[int, int] = (12, 16)) -> Iterator[Path]:
    """So many photos of 96 × 128 pixels, of some squares each, all different."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for number in range(count):
            squares = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
            pixels = squares.repeat(96 // shape[0], 0).repeat(128 // shape[1], 1)
            Image.fromarray(pixels).save(Path(folder) / f"{number:05}.png", compress_level=1)
        yield Path(folder)


def is_there(pid: int) -> bool:
    """Whether a process has not ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
