"""Responses that end: HTTP answers whose head and whose blocks have a deadline and a size.

The standard library has a timeout for each read from the socket. A server that sends a byte now and
then, or `100 Continue` for ever, or trailers without end, never meets it. Here a whole head, and
each block of the body with its framing, must arrive within a time and within a number of bytes.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import Any, cast

HEAD_BYTES = 256 << 10  # status lines and headers, 1xx answers among them
FRAMING_BYTES = 128 << 10  # chunk sizes, extensions and trailers around one block


class Flooded(http.client.HTTPException):
    """More came than any good answer holds, without coming to its point."""


class Dripped(TimeoutError):
    """Something came, but too slowly to be an answer."""


class BoundedResponse(http.client.HTTPResponse):
    """An HTTP answer; its head is bounded from the start, its body by `read_block`.

    Args:
        sock: socket of the answer; its timeout is that of the head and of each block, in seconds.
        options: keyword arguments of `http.client.HTTPResponse`.
    """

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()  # the library's own reader, which nothing has been read from
        self._seconds = sock.gettimeout() or 30.0
        self._meter = _Meter(sock)
        self.fp = io.BufferedReader(self._meter)
        self._meter.allow(self._seconds, HEAD_BYTES)

    def read_block(self, most: int) -> bytes:
        """The next bytes of the body, at most so many; none at its end.

        Raises:
            Flooded, Dripped: its framing does not end.
            TimeoutError: nothing came.
            OSError, HTTPException: the connection broke, or the framing is none.
        """
        self._meter.allow(self._seconds, most + FRAMING_BYTES)
        return self.read1(most)

    def lengths(self) -> list[str]:
        """Numbers of its Content-Length headers; none where the body is sent in chunks, whose
        framing alone counts then (RFC 9112 §6.3)."""
        headers = cast(Mapping[str, Any], self.headers)
        if self.chunked or headers is None:
            return []
        return cast(http.client.HTTPMessage, headers).get_all("Content-Length", [])


class _Meter(io.RawIOBase):
    """A socket's bytes, as many and as long as is allowed."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))
        self._came = False
        self._until = 0.0
        self._left = 0

    def allow(self, seconds: float, count: int) -> None:
        """Let so many bytes come, within so many seconds from now."""
        self._until = time.monotonic() + seconds
        self._left = count
        self._came = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._until - time.monotonic()
        try:
            if seconds <= 0:
                raise TimeoutError
            self._sock.settimeout(seconds)
            count = cast(int | None, self._raw.readinto(buffer))
        except TimeoutError:
            if self._came:
                raise Dripped from None
            raise
        if count:
            self._came = True
            self._left -= count
            if self._left < 0:
                raise Flooded
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
