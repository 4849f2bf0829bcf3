"""A server of weights on this machine that does what a test tells it, good or bad."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from local_server import LocalServer, running

Deed = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request; `server.deeds` holds what is done with the next ones, then all go well."""

    protocol_version = "HTTP/1.1"
    server: WeightServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers.items())))
        deed = self.server.deeds.pop(0) if self.server.deeds else whole
        self.close_connection = True
        deed(self)

    def log_message(self, *_: object) -> None:
        pass

    @property
    def content(self) -> bytes:
        return self.server.files[self.path]

    @property
    def tag(self) -> str:
        return f'"{hash(self.content) & 0xFFFF:x}"'

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()


class WeightServer(LocalServer):
    def __init__(self) -> None:
        super().__init__(Exchange)
        self.files: dict[str, bytes] = {}
        self.deeds: list[Deed] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0

    @property
    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.requests]

    def verify_request(self, *_: object) -> bool:
        self.connections += 1
        return True


@contextmanager
def serving() -> Iterator[WeightServer]:
    with running(WeightServer()) as server:
        yield server


def whole(exchange: Exchange) -> None:
    """As a good server does: ranges, entity tags, lengths."""
    if exchange.path not in exchange.server.files:
        exchange.begin(404, Content_Length=0)
        return
    content, first = exchange.content, 0
    asked = re.fullmatch(r"bytes=(\d+)-", exchange.headers.get("Range", ""))
    if asked and exchange.headers.get("If-Range", exchange.tag) == exchange.tag:
        first = int(asked[1])
        if first >= len(content):
            exchange.begin(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
            return
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        exchange.begin(
            206, ETag=exchange.tag, Content_Range=span, Content_Length=len(content) - first
        )
    else:
        exchange.begin(200, ETag=exchange.tag, Content_Length=len(content))
    exchange.wfile.write(content[first:])


def truncated(count: int, tag: str | None = None, length: int | str | None = None) -> Deed:
    """Promise all, send `count` bytes, and hang up."""

    def deed(exchange: Exchange) -> None:
        promised = len(exchange.content) if length is None else length
        exchange.begin(200, ETag=tag or exchange.tag, Content_Length=promised)
        exchange.wfile.write(exchange.content[:count])

    return deed


def stalled(count: int, seconds: float = 30.0) -> Deed:
    """Send `count` bytes, and then nothing, without hanging up."""

    def deed(exchange: Exchange) -> None:
        exchange.begin(200, ETag=exchange.tag, Content_Length=len(exchange.content))
        exchange.wfile.write(exchange.content[:count])
        exchange.wfile.flush()
        exchange.server.ended.wait(seconds)

    return deed


def dripping(pause: float) -> Deed:
    """Send a byte now and then."""

    def deed(exchange: Exchange) -> None:
        exchange.begin(200, ETag=exchange.tag, Content_Length=len(exchange.content))
        for byte in exchange.content:
            exchange.wfile.write(bytes([byte]))
            exchange.wfile.flush()
            time.sleep(pause)

    return deed


def status(code: int, **headers: object) -> Deed:
    """Answer with a status and nothing else."""

    def deed(exchange: Exchange) -> None:
        exchange.begin(code, Content_Length=0, **headers)

    return deed


def rangeless(exchange: Exchange) -> None:
    """Know nothing of ranges."""
    exchange.begin(200, ETag=exchange.tag, Content_Length=len(exchange.content))
    exchange.wfile.write(exchange.content)
