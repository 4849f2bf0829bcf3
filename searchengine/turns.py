"""Turns at an engine: one thread at a time, and in a forked process everything anew."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class EngineTurns:
    """A lock that a thread may take again, and that a forked process finds free.

    Args:
        forked: called once in a process that was forked since, before its first turn.
    """

    def __init__(self, forked: Callable[[], None]) -> None:
        self._forked = forked
        self._pid = os.getpid()
        self._lock = threading.RLock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the engine alone."""
        if os.getpid() != self._pid:  # its holder, if it had one, is not in this process
            self._forked()
            self._pid, self._lock = os.getpid(), threading.RLock()
        with self._lock:
            yield
