"""Turns: many work at once, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Turns to work; who needs all the memory takes one alone, and is not kept waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working = 0
        self._alone_asked = 0
        self._over = False

    @contextmanager
    def turn(self, *, alone: bool = False) -> Iterator[None]:
        """Work while others do, or `alone`: when all others are done and before the next begin."""
        with self._changed:
            self._alone_asked += alone
            self._changed.wait_for(lambda: self._over or self._may_begin(alone))
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._alone_asked -= alone
                self._changed.notify_all()

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _may_begin(self, alone: bool) -> bool:
        if alone:
            return not self._working
        return not self._alone_asked
