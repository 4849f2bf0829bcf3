"""Thumbnails as an indexing run writes them: some at a time, and never a photo's undoing."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from indexer.thumbnails.store import Thumbnails
from model.errors import StorageError

_TOGETHER = 64
_SECONDS_BETWEEN = 2.0


class ThumbnailWriter:
    """Thumbnails of an indexing run, written some at a time; their loss is told once, and no more.

    As a context manager it writes the last ones when it is left.

    Args:
        folder: index folder.

    Attributes:
        note: line on what could not be kept; empty where all was.
    """

    def __init__(self, folder: Path) -> None:
        self.note = ""
        self._thumbnails = Thumbnails(folder)
        self._waiting: list[tuple[bytes, bytes]] = []
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def add(self, content_hash: bytes, jpeg: bytes) -> None:
        """Keep one, soon."""
        if self.note:
            return
        self._waiting.append((content_hash, jpeg))
        late = time.monotonic() - self._written > _SECONDS_BETWEEN
        if late or len(self._waiting) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Keep what waits."""
        waiting, self._waiting = self._waiting, []
        try:
            if waiting:
                self._thumbnails.keep(waiting)
        except StorageError as error:
            self.note = f"thumbnails are not kept, but made when looked at ({error.what})"
        self._written = time.monotonic()

    def count(self) -> int:
        """Number of thumbnails that are kept."""
        return self._thumbnails.count()

    def drop_orphans(self, known: Iterable[bytes]) -> None:
        """Drop those of photos that are not among the known ones, hashes ascending."""
        try:
            self._thumbnails.drop_orphans(known)
        except StorageError as error:
            self.note = self.note or f"thumbnails of forgotten photos are still there ({error})"
