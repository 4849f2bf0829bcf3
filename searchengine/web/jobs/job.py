"""Job: one piece of long work, and how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from model.errors import SegsearchError, shown

WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"
DONE, FAILED, STOPPED = "done", "failed", "stopped"
ENDED = (DONE, FAILED, STOPPED)
MOST_SKIPPED = 1000
_SECONDS_BETWEEN = 0.2


class JobStopped(Exception):
    """The job was asked to end early, and did."""


@dataclass(eq=False)
class Job:
    """One job; its own thread changes it, any may read it.

    Attributes:
        kind: "index" or "export".
        about: further fields, as JSON has them.
        told: function called after each change worth telling.
        id: name that cannot be guessed.
        state: "waiting", "running", "stopping", "done", "failed" or "stopped".
        done: number of photos or segments that are done.
        total: number of them in all, as far as it is known.
        message: line for people.
        last: path of the last photo.
        summary: result, as JSON has it.
        error: kind, cause and way out of a failure.
        skipped: path, kind and reason of photos that were left out, the first thousand.
        skipped_count: number of all of them.
        created, started, ended: seconds since 1970.
        stop: event that asks the job to end.
    """

    kind: str
    about: dict[str, Any]
    told: Callable[[Job], object] = field(repr=False)
    id: str = field(default_factory=lambda: token_urlsafe(9))
    state: str = WAITING
    done: int = 0
    total: int | None = None
    message: str = ""
    last: str | None = None
    summary: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    skipped: list[dict[str, str]] = field(default_factory=list)
    skipped_count: int = 0
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _first: float | None = field(default=None, repr=False)
    _last_told: float = field(default=0.0, repr=False)

    @property
    def is_live(self) -> bool:
        """Whether it waits or goes on."""
        return self.state not in ENDED

    def turn(self, state: str) -> None:
        """Go into a state, and tell it."""
        if state == RUNNING:
            self.started = time.time()
        if state in ENDED:
            self.ended = time.time()
        self.state = state
        self.told(self)

    def fail(self, error: Exception) -> None:
        """End by an error."""
        if isinstance(error, SegsearchError):
            kind, what, fix = type(error).__name__, error.what, error.fix
        else:
            kind, what, fix = "InternalError", "the server failed", "its log tells why"
        self.error = {"kind": kind, "what": shown(what), "fix": shown(fix)}
        self.turn(FAILED)

    def skip(self, path: str, kind: str, reason: str) -> None:
        """Count a photo that was left out, and why."""
        self.skipped_count += 1
        if len(self.skipped) < MOST_SKIPPED:
            self.skipped.append({"path": path, "kind": kind, "reason": shown(reason)})

    def advance(self, done: int, *, last: str | None = None) -> None:
        """Be so far, and tell it, some times a second."""
        now = time.monotonic()
        self._first = self._first or now
        self.done, self.last = done, last
        if now - self._last_told >= _SECONDS_BETWEEN or done == self.total:
            self._last_told = now
            self.told(self)

    def to_dict(self) -> dict[str, Any]:
        """The job as JSON has it, without the list of what was skipped."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "seconds_left": self._seconds_left(),
            "message": self.message,
            "last": self.last,
            "summary": self.summary,
            "error": self.error,
            "skipped": self.skipped_count,
            "created": round(self.created, 3),
            "started": self.started and round(self.started, 3),
            "ended": self.ended and round(self.ended, 3),
            **self.about,
        }

    def _seconds_left(self) -> float | None:
        if self.state != RUNNING or not self.total or self.done < 2 or self._first is None:
            return None
        pace = (time.monotonic() - self._first) / (self.done - 1)
        return round(pace * (self.total - self.done), 1)
