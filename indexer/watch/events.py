"""What the system tells of changes below a folder: hints, and no more than that.

A renamed folder is one event and tells nothing of its files, a slow write is many, and what others
change on a disk of the network is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from model.errors import ExtraMissing, shown

if TYPE_CHECKING:
    from watchfiles import Change

Hint = Callable[[str], object]
_TOGETHER = 400  # milliseconds that events are gathered for
_WAKE = 250  # milliseconds between looks whether to stop
_LIMIT = "limit of watched folders is reached (fs.inotify.max_user_watches)"


class EventsUnavailable(Exception):
    """The system cannot tell of changes in a folder; `str` says why."""


class FolderEvents:
    """Changes below one folder, told from a thread of its own until it is closed.

    Args:
        folder: absolute path.
        hint: takes the path of each change, from that thread.
        failed: takes why no more is told.

    Raises:
        ExtraMissing: watchfiles is not installed.
        EventsUnavailable: the system cannot tell of changes there.
    """

    def __init__(self, folder: str, hint: Hint, failed: Callable[[str], object]) -> None:
        self._folder, self._hint, self._failed = folder, hint, failed
        self._stop = threading.Event()
        self._ready: SimpleQueue[str] = SimpleQueue()
        self._is_ready = False
        try:
            import watchfiles  # noqa: F401
        except ImportError as error:
            raise ExtraMissing(
                "watchfiles is not installed", "install the extra: pip install 'segsearch[watch]'"
            ) from error
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)
        self._thread.start()
        if reason := self._ready.get():
            raise EventsUnavailable(reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the thread end, and wait for it."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        try:
            try:
                self._pass_on(lenient=False)
            except PermissionError:  # a folder in it that is not ours, as lost+found
                self._pass_on(lenient=True)
        except Exception as error:
            reason = _LIMIT if "limit reached" in str(error) else shown(error)
            if self._is_ready:
                self._failed(reason)
            else:
                self._ready.put(reason)

    def _pass_on(self, *, lenient: bool) -> None:
        """Pass on each change until it is time to stop.

        Args:
            lenient: whether folders that cannot be watched are left out.

        Raises:
            PermissionError: a folder may not be listed, and `lenient` is not given.
            OSError: the limit of watched folders is reached.
        """
        for changes in _changes(self._folder, self._stop, lenient=lenient):
            if not self._is_ready:
                if lenient:  # which bears a reached limit, too: one folder more tells
                    next(_changes(self._folder, self._stop, recursive=False))
                self._is_ready = True
                self._ready.put("")
            for _, path in changes:
                self._hint(path)


def _changes(
    folder: str, stop: threading.Event, *, lenient: bool = False, recursive: bool = True
) -> Generator[set[tuple[Change, str]], None, None]:
    """Changes as they come, first an empty set once all folders are watched."""
    from watchfiles import watch

    return watch(
        folder,
        watch_filter=None,
        debounce=_TOGETHER,
        stop_event=stop,
        rust_timeout=_WAKE,
        yield_on_timeout=True,
        raise_interrupt=False,
        force_polling=False,
        recursive=recursive,
        ignore_permission_denied=lenient,
    )
