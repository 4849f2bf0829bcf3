"""Bodies of requests: how large, how slow and how many they may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

UPLOADS = "/api/v1/uploads"
MOST_JSON = 1 << 20
MOST_UPLOADED = 32 << 20
UPLOADS_AT_ONCE = 4
MOST_DISCARDED = 4 << 20
DISCARD_SECONDS = 0.5


class Refused(Exception):
    """A request that breaks a rule, and the status that it is answered with."""

    def __init__(self, what: str, fix: str, status: int = 403) -> None:
        super().__init__(what)
        self.what, self.fix, self.status = what, fix, status


class Bodies:
    """Reader of whole bodies, within limits of size and time.

    Args:
        piece_seconds: time that a client may take for the next piece of a body.
        whole_seconds: time that it may take for all of a body.
    """

    def __init__(self, piece_seconds: float = 20.0, whole_seconds: float = 60.0) -> None:
        self._piece_seconds = piece_seconds
        self._whole_seconds = whole_seconds
        self._uploading = 0

    @asynccontextmanager
    async def read(
        self, scope: Scope, told_length: str | None, receive: Receive
    ) -> AsyncIterator[Receive]:
        """The request with its whole body at hand, in place of one that still comes.

        Raises:
            Refused: the body is too large or too slow, or too many come at once.
        """
        uploads = scope["path"] == UPLOADS and scope["method"] == "POST"
        most = MOST_UPLOADED if uploads else MOST_JSON
        if told_length is not None and (not told_length.isdigit() or int(told_length) > most):
            raise _too_large(most)
        if uploads and self._uploading >= UPLOADS_AT_ONCE:
            raise Refused(f"{self._uploading} uploads come already", "send it in a while", 503)
        self._uploading += uploads
        try:
            body = await self._whole(most, receive)
            waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

            async def whole() -> Message:
                return waiting.pop() if waiting else await receive()

            yield whole
        finally:
            self._uploading -= uploads

    async def _whole(self, most: int, receive: Receive) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._whole_seconds):
                while True:
                    message = await asyncio.wait_for(receive(), self._piece_seconds)
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise _too_large(most)
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise Refused("the body comes too slowly", "send it at once", 408) from None


async def discarded(receive: Receive) -> bool:
    """Whether a refused body came to its end while it was read and forgotten; a client that still
    sends when its connection is closed never sees the answer."""
    left = MOST_DISCARDED
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return True
    return False


def _too_large(most: int) -> Refused:
    return Refused(f"the body has more than {most >> 20} MB", "send less", 413)
