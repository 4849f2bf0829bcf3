"""An S3 on this machine (moto's) that may be told to stall, fail and break off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.request import urlopen

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Environ = dict[str, Any]
Deed = Callable[["Bucket", Environ, Any], Iterable[bytes]]
NAME = "museum"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "visitor",
    "AWS_SECRET_ACCESS_KEY": "open-sesame",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


class Bucket:
    """A bucket of a server; `deeds` holds what is done with requests, by a part of their line.

    Attributes:
        requests: method, path with its query, and range of each request, as they came.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self._deeds: list[tuple[str, int, Deed]] = []
        self._lock = threading.Lock()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.ended = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def do(self, deed: Deed, to: str, times: int = 1) -> None:
        """Let the next requests whose "METHOD path?query" holds a text come to this."""
        self._deeds.append((to, times, deed))

    def go_well(self) -> None:
        self._deeds.clear()
        self.requests.clear()

    def end(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def asked(self, text: str) -> int:
        """Requests whose "METHOD path?query" held a text."""
        return sum(text in f"{method} {path}" for method, path, _ in self.requests)

    def put(self, key: str, content: bytes, bucket: str = NAME) -> str:
        """Put an object; returns its URL."""
        self._store().call_s3("put_object", Bucket=bucket, Key=key, Body=content)
        return f"s3://{bucket}/{key}"

    def delete(self, key: str, bucket: str = NAME) -> None:
        self._store().call_s3("delete_object", Bucket=bucket, Key=key)

    def make(self, bucket: str = NAME) -> None:
        self._store().call_s3("create_bucket", Bucket=bucket)

    def empty(self, bucket: str = NAME) -> None:
        while found := self._store().call_s3("list_objects_v2", Bucket=bucket).get("Contents"):
            for each in found:
                self.delete(each["Key"], bucket)

    def drop(self, bucket: str = NAME) -> None:
        self.empty(bucket)
        self._store().call_s3("delete_bucket", Bucket=bucket)

    def _store(self) -> Any:
        from model.stores.store import store_of

        return store_of(f"s3://{NAME}")

    def _answer(self, environ: Environ, start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")
        with self._lock:
            self.requests.append((environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE", "")))
            deed = self._due(f"{environ['REQUEST_METHOD']} {path}")
        return self.honest(environ, start) if deed is None else deed(self, environ, start)

    def _due(self, line: str) -> Deed | None:
        for i, (to, times, deed) in enumerate(self._deeds):
            if to in line:
                self._deeds[i] = (to, times - 1, deed)
                if times == 1:
                    del self._deeds[i]
                return deed
        return None

    def honest(self, environ: Environ, start: Any) -> Iterable[bytes]:
        """The answer that moto gives."""
        return cast(Iterable[bytes], self._moto(environ, start))


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


def refusing(status: str, code: str, text: str = "") -> Deed:
    """Answer with an error of S3."""

    def deed(_: Bucket, environ: Environ, start: Any) -> Iterable[bytes]:
        body = f"<Error><Code>{code}</Code><Message>{text or code}</Message></Error>".encode()
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return deed


busy = refusing("503 Slow Down", "SlowDown", "Please reduce your request rate.")
denied = refusing("403 Forbidden", "AccessDenied", "Access Denied")


def stalling(bucket: Bucket, environ: Environ, start: Any) -> Iterable[bytes]:
    """Say nothing, until whoever asked has long gone."""
    bucket.ended.wait(20)
    return bucket.honest(environ, start)


def cut_short(bucket: Bucket, environ: Environ, start: Any) -> Iterable[bytes]:
    """Break off in the middle of the body."""
    body = b"".join(bucket.honest(environ, start))
    yield body[: len(body) // 2]


def after(deed: Callable[[], object]) -> Deed:
    """Answer as usual, once something else was done."""

    def done(bucket: Bucket, environ: Environ, start: Any) -> Iterable[bytes]:
        deed()
        return bucket.honest(environ, start)

    return done


@contextmanager
def running_bucket() -> Iterator[Bucket]:
    """A server with an empty bucket; the environment must name its endpoint."""
    bucket = Bucket()
    try:
        urlopen(f"{bucket.endpoint}/", timeout=60).close()  # moto loads its services when asked
        yield bucket
    finally:
        bucket.end()
