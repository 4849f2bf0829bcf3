"""A chat endpoint on this machine that does what a test tells it, good or bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.deeds: list[Deed] = []
        self.always: Deed = echoed
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.looks = 0
        self.living = True
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_: object) -> None:
        pass  # clients that go away are part of the tests


@contextmanager
def chatting() -> Iterator[ChatServer]:
    with ChatServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


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
