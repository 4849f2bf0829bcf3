"""A Milvus Lite server of one's own, in a process and a folder that go."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0


class OwnMilvus:
    """A server on 127.0.0.1, until `end`.

    Args:
        folder: folder of its data.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Let it run; returns when it answers."""
        started = "from milvus_lite.cmdline import main; main()"
        arguments = ["server", "--data-dir", str(self._folder)]
        arguments += ["--host", "127.0.0.1", "--port", str(self.port)]  # it takes all by itself
        self._process = subprocess.Popen(
            [sys.executable, "-c", started, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the server does not answer")

    @property
    def pid(self) -> int:
        """Number of its process; 0 where it was killed."""
        return 0 if self._process is None else self._process.pid

    def is_there(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it without a word, as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    end = kill


@contextmanager
def own_milvus() -> Iterator[OwnMilvus]:
    """A server in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="milvus-") as folder:
        server = OwnMilvus(Path(folder) / "d")
        try:
            yield server
        finally:
            server.end()
