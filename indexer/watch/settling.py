"""Paths that were hinted at, until what lies there stands still."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from indexer.scan.passed_over import Selection, reason_of_name
from indexer.watch.polling import content_of
from model.photos.formats import SUFFIXES

MOST_IN_FOLDER = 500
"""Paths that wait in one folder; where there are more, the folder waits as a whole."""
LONGEST = 60.0
"""Seconds that a folder waits for a file in it which goes on changing."""
_REST = 10  # times that looking took, before the next look


@dataclass
class _Waiting:
    """A path that waits.

    Attributes:
        state: size and time of a file, digests of a folder's photos; None where nothing is.
        since: moment since when that is so.
        first: moment of the first hint.
    """

    state: object
    since: float
    first: float


class SettlingPaths:
    """Paths below a folder that were hinted at.

    Args:
        root: the watched folder, absolute.
        seconds: time that size and time of a file have to stand still.
        selection: rules for what is passed over.
        passed_over: folders that are never looked at, as the index itself.
    """

    def __init__(
        self, root: str, seconds: float, selection: Selection, passed_over: tuple[str, ...] = ()
    ) -> None:
        self._root, self._seconds, self._selection = root, seconds, selection
        self._passed_over = tuple(os.path.realpath(place) for place in passed_over)
        self._waiting: dict[str, _Waiting] = {}
        self._beside = Counter[str]()  # paths that wait, by their folder
        self._next_look = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def hint(self, path: str) -> None:
        """Take a path that something happened at, if a photo may be there."""
        if path != self._root and not self._concerns(path):
            return
        now = time.monotonic()
        if path in self._waiting:
            self._waiting[path].since = now
            return
        folder = os.path.dirname(path)  # noqa: PTH120
        if folder in self._waiting:  # as a whole
            return
        if self._beside[folder] >= MOST_IN_FOLDER:
            for other in [p for p in self._waiting if os.path.dirname(p) == folder]:  # noqa: PTH120
                self._remove(other)
            path = folder
        self._beside[os.path.dirname(path)] += 1  # noqa: PTH120
        self._waiting[path] = _Waiting(self._state(path), now, now)

    def settled(self) -> list[str]:
        """Folders in which all that was hinted at stands still; they wait no more."""
        began = time.monotonic()
        if began < self._next_look or not self._waiting:
            return []
        for path, waiting in self._waiting.items():
            state = self._state(path)
            if state != waiting.state:
                waiting.state, waiting.since = state, time.monotonic()
        now = time.monotonic()
        self._next_look = now + max(self._seconds / 4, _REST * (now - began))
        moving = {
            path
            for path, waiting in self._waiting.items()
            if now - waiting.since < self._seconds and now - waiting.first < LONGEST
        }
        due = {path: self._folder_of(path) for path in self._waiting.keys() - moving}
        folders = _topmost(
            folder
            for folder in due.values()
            if not any(path.startswith(folder.rstrip("/") + "/") for path in moving)
        )
        for path, folder in due.items():
            if any(_is_within(folder, other) for other in folders):
                self._remove(path)
        return folders

    def clear(self) -> None:
        """Let nothing wait any more."""
        self._waiting.clear()
        self._beside.clear()

    def _remove(self, path: str) -> None:
        del self._waiting[path]
        self._beside[os.path.dirname(path)] -= 1  # noqa: PTH120

    def _concerns(self, path: str) -> bool:
        if not path.startswith(self._root.rstrip("/") + "/"):
            return False
        real = os.path.realpath(path)
        if any(_is_within(real, place) for place in self._passed_over):
            return False
        rest = path[len(self._root.rstrip("/")) :]
        if not self._selection.includes(path, rest):
            folder = self._root
            for name in rest.strip("/").split("/"):
                if reason_of_name(folder, name):
                    return False
                folder = f"{folder.rstrip('/')}/{name}"
        # whatever is no file is a folder, or was one
        return Path(path).suffix.lower() in SUFFIXES or not os.path.isfile(path)  # noqa: PTH113

    def _state(self, path: str) -> object:
        try:
            status = Path(path).stat()
        except (OSError, ValueError):
            return None
        if S_ISDIR(status.st_mode):
            return content_of(path, self._selection)
        return status.st_size, status.st_mtime_ns

    def _folder_of(self, path: str) -> str:
        """The nearest folder at or above a path that is there, the root at the furthest."""
        while path != self._root and not os.path.isdir(path):  # noqa: PTH112
            path = path.rpartition("/")[0]
        return path


def _topmost(folders: Iterable[str]) -> list[str]:
    """The folders that lie in none of the others, by name."""
    topmost: list[str] = []
    for folder in sorted(set(folders), key=lambda path: path.split("/")):
        if not topmost or not _is_within(folder, topmost[-1]):
            topmost.append(folder)
    return topmost


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
