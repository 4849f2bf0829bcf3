"""Partial file: what has arrived of a download, until it is whole.

It lies in `NAME.part` beside the target, with the server's entity tag in `NAME.part.json`; both
survive a kill. The target appears whole, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from model.atomic_files import flush


class PartialFile:
    """The beginning of a file, hashed as it grows; a context manager.

    Only one process at a time may have it open.

    Args:
        target: path that the whole file will have; its folder must exist.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        # unbuffered: a kill loses nothing that was counted
        self._file: BinaryIO = self._part.open("a+b", buffering=0)
        self._file.seek(0)
        while block := self._file.read(1 << 20):
            self._hash.update(block)
            self.size += len(block)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self.size:
            self._part.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Hex digest of what has arrived."""
        return self._hash.hexdigest()

    def append(self, block: bytes) -> None:
        """Some bytes more.

        Raises:
            OSError: the disk is full, or fails.
        """
        left = memoryview(block)
        while left:
            count = self._file.write(left)
            self._hash.update(left[:count])
            self.size += count
            left = left[count:]

    def restart(self) -> None:
        """Throw away what has arrived."""
        self._file.truncate(0)
        self._hash = hashlib.sha256()
        self.size = 0

    def tag(self, url: str) -> str:
        """The entity tag of what has arrived, if it came from there; else ""."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return str(note["tag"]) if note["url"] == url else ""
        return ""

    def remember(self, url: str, tag: str) -> None:
        """Keep the entity tag of what is about to arrive."""
        self._note.write_text(json.dumps({"url": url, "tag": tag}), encoding="utf-8")

    def finish(self) -> None:
        """Become the target, on the disk before anybody sees it."""
        os.fsync(self._file.fileno())
        self._part.replace(self._target)
        with suppress(OSError):  # not every system flushes folders
            flush(self._target.parent)
        self._note.unlink(missing_ok=True)
