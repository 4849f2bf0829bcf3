"""A chat endpoint on this machine that does what a test tells it, good or bad."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_server import LocalServer, running

Deed = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request; `server.deeds` holds what is done with the next ones, then all go well."""

    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.body = json.loads(self.rfile.read(length))
        self.server.requests.append((self.path, dict(self.headers.items()), self.body))
        deed = self.server.deeds.pop(0) if self.server.deeds else self.server.always
        deed(self)

    def do_GET(self) -> None:
        self.server.looks += 1
        self.close_connection = True
        if self.server.living:
            self.reply(200, b"{}")

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, code: int, content: bytes = b"", **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    @property
    def question(self) -> str:
        return str(self.body["messages"][0]["content"][1]["text"])


class ChatServer(LocalServer):
    def __init__(self) -> None:
        super().__init__(Exchange)
        self.deeds: list[Deed] = []
        self.always: Deed = echoed
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.looks = 0
        self.living = True

    @property
    def url(self) -> str:
        return f"{super().url}/v1"


@contextmanager
def chatting() -> Iterator[ChatServer]:
    with running(ChatServer()) as server:
        yield server


def completion(text: Any, end: str = "stop", **more: Any) -> bytes:
    message = {"role": "assistant", "content": text, **more}
    return json.dumps({"choices": [{"message": message, "finish_reason": end}]}).encode()


def said(text: Any, end: str = "stop", **more: Any) -> Deed:
    """Answer as a good model does."""
    return lambda exchange: exchange.reply(200, completion(text, end, **more))


def echoed(exchange: Exchange) -> None:
    """Say what was asked."""
    exchange.reply(200, completion(exchange.question))


def replied(code: int, content: bytes = b"", **headers: object) -> Deed:
    return lambda exchange: exchange.reply(code, content, **headers)


def cut(exchange: Exchange) -> None:
    """Promise an answer, send half of it, and hang up."""
    exchange.send_response(200)
    exchange.send_header("Content-Length", "1000")
    exchange.end_headers()
    exchange.wfile.write(b'{"choices"')
    exchange.close_connection = True


def hung_up(exchange: Exchange) -> None:
    exchange.close_connection = True


def silent(exchange: Exchange) -> None:
    """Take the question, and say nothing."""
    exchange.close_connection = True
    exchange.server.ended.wait(30)


def dripping(exchange: Exchange) -> None:
    """Send a byte now and then, without end."""
    exchange.close_connection = True
    exchange.send_response(200)
    exchange.end_headers()
    while not exchange.server.ended.wait(0.02):
        exchange.wfile.write(b" ")
        exchange.wfile.flush()


def flooding(exchange: Exchange) -> None:
    """Send more than anyone can want."""
    exchange.close_connection = True
    exchange.send_response(200)
    exchange.end_headers()
    while not exchange.server.ended.is_set():
        exchange.wfile.write(b" " * (1 << 20))
