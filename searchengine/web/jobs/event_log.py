"""EventLog: what happened lately, told to whoever listens and to who comes back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from secrets import token_hex
from typing import Any

from model.errors import ServerBusy

MOST_KEPT = 500
MOST_LISTENERS = 64
MOST_WAITING = 600
"""Events that may wait for one listener; who falls further behind comes back and is told again."""
HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = b": still here\n\n"


class EventLog:
    """Events in the order in which they happened; any thread may tell one.

    Args:
        heartbeat: seconds of silence after which a listener is told that the server is there.
    """

    def __init__(self, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._heartbeat = heartbeat
        self._start = token_hex(4)  # another server's numbers mean nothing here
        self._lock = threading.Lock()
        self._number = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT)
        self._listeners: set[_Listener] = set()
        self._closed = False

    def tell(self, name: str, data: Any) -> None:
        """Tell an event.

        Args:
            name: kind of event, one word.
            data: document that goes with it.
        """
        with self._lock:
            self._number += 1
            message = (
                f"id: {self._start}-{self._number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
            ).encode("ascii")
            self._kept.append((self._number, message))
            for listener in self._listeners:
                listener.take(message)

    def close(self) -> None:
        """End all streams."""
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.take(None)

    def listen(self, last_id: str | None = None) -> AsyncIterator[bytes]:
        """Stream of server-sent events from now on, after those that were missed.

        Args:
            last_id: id of the last event that the listener was told; None for a new one. Where
                what came after it is no longer known, the event "gap" says so first.

        Raises:
            ServerBusy: too many listen already.
        """
        listener = _Listener(asyncio.get_running_loop())
        with self._lock:
            if self._closed or len(self._listeners) >= MOST_LISTENERS:
                raise ServerBusy("too many listen already", "close some pages, then try again")
            missed = self._missed(last_id)
            self._listeners.add(listener)
        return self._stream(listener, missed)

    def _missed(self, last_id: str | None) -> list[bytes]:
        if last_id is None:
            return []
        start, _, number = last_id.partition("-")
        last = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1
        oldest = self._kept[0][0] if self._kept else self._number + 1
        if start != self._start or not oldest - 1 <= last <= self._number:
            return [b"event: gap\ndata: {}\n\n"]
        return [message for kept, message in self._kept if kept > last]

    async def _stream(self, listener: _Listener, missed: list[bytes]) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            for message in missed:
                yield message
            while True:
                try:
                    told = await asyncio.wait_for(listener.queue.get(), self._heartbeat)
                except TimeoutError:
                    told = _HEARTBEAT
                if told is None:
                    return
                yield told
        finally:
            with self._lock:
                self._listeners.discard(listener)


class _Listener:
    """One stream, and what waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = loop
        self._ended = False

    def take(self, message: bytes | None) -> None:
        """Have a message wait, from any thread; None ends the stream."""
        with suppress(RuntimeError):  # the loop has ended, and all streams with it
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: bytes | None) -> None:
        if not self._ended:
            self._ended = message is None or self.queue.qsize() >= MOST_WAITING
            self.queue.put_nowait(None if self._ended else message)
