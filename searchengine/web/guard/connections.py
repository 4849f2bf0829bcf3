"""Connections: how many there may be, and how long one may be silent, or leave answers lying."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from contextlib import suppress

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 15.0
"""Time from a connection, or an answer on it, to the end of the next request's headers."""
ANSWER_SECONDS = 30.0
"""Time in which a client must have taken what waits for it, some 50 kB."""
MOST = 20_000
OWN_FILES = 512
"""Files that the server itself opens: the index, photos, models."""
LONGEST_HEADERS = 64 << 10


def most_connections() -> int:
    """Number of connections that may be open, having raised the limit of open files to hold
    them."""
    if sys.platform == "win32":
        return 500  # what its selectors bear
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OWN_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(16, min(MOST, soft - OWN_FILES))


def limited_connections(
    most: int,
    request_seconds: float = REQUEST_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> type[H11Protocol]:
    """A protocol of which so many may be open; the one that is idle longest makes room for a new
    one, and whoever does not send a request in time is let go.

    Args:
        most: connections that may be open.
        request_seconds: time to send a request in.
        answer_seconds: time to take enough of an answer for the next piece.
    """
    idle: OrderedDict[LimitedConnection, None] = OrderedDict()

    class LimitedConnection(H11Protocol):
        """A connection that is let go when it is silent for long, or in the way."""

        _deadline: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Begin to wait for a request."""
            super().connection_made(transport)
            if len(self.connections) > most and idle:
                oldest, _ = idle.popitem(last=False)
                oldest.transport.abort()
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            """Wait no more."""
            self._wait_no_more()
            if self._unread is not None:
                self._unread.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            """Wait no more once a request has begun."""
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._wait_no_more()

        def on_response_complete(self) -> None:
            """Begin to wait for the next request."""
            super().on_response_complete()
            if not self.transport.is_closing() and (
                self.cycle is None or self.cycle.response_complete
            ):
                self._wait()

        def pause_writing(self) -> None:
            """Begin to wait until the client takes what it was sent."""
            super().pause_writing()
            self._unread = self.loop.call_later(answer_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            """Wait no more for that."""
            super().resume_writing()
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def _wait(self) -> None:
            self._wait_no_more()
            idle[self] = None
            self._deadline = self.loop.call_later(request_seconds, self._too_late)

        def _wait_no_more(self) -> None:
            idle.pop(self, None)
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _too_late(self) -> None:
            self._wait_no_more()
            self.transport.abort()

    return LimitedConnection
