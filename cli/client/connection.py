"""Connection: one kept connection to a server, over which JSON goes and comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from cli.client.failures import away, failure_in, no_such_server

API = "/api/v1"
SECONDS = 600.0
"""Time that an answer may take: questions wait until the server has loaded its models."""


class Connection:
    """Connection to a server, opened when it is first needed; close it, or use `with`.

    It goes straight to the server: no proxy of the environment is heeded, no redirection
    followed, so the token reaches nobody else.

    Args:
        address: address of the server, as it printed it.
        token: secret that the server asks for; None where it asks for none.
        seconds: time that an answer may take.

    Raises:
        ServerError: the address is none.
    """

    def __init__(self, address: str, token: str | None, seconds: float = SECONDS) -> None:
        self.address = address
        self._line = _line_to(address, seconds)
        self._path = urlsplit(address).path.rstrip("/") + API
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._used = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def get(self, route: str) -> Any:
        """The document that a route answers with.

        Raises:
            SegsearchError: the server is away, or answers with an error.
        """
        return self._asked("GET", route, None, {})

    def post(self, route: str, document: Mapping[str, Any]) -> Any:
        """The document that a route answers another document with.

        Raises:
            SegsearchError: the server is away, or answers with an error.
        """
        headers = {"Content-Type": "application/json"}
        return self._asked("POST", route, json.dumps(document).encode("ascii"), headers)

    def upload(self, photo: bytes) -> Any:
        """What the server says of a photo that it is shown.

        Raises:
            SegsearchError: the server is away, or answers with an error.
        """
        return self._asked("POST", "/uploads", photo, {"Content-Type": "image/any"})

    def download(self, route: str) -> bytes:
        """The file that a route answers with.

        Raises:
            SegsearchError: the server is away, or answers with an error.
        """
        return self._content("GET", route, None, {})

    def _asked(self, method: str, route: str, body: bytes | None, headers: dict[str, str]) -> Any:
        content = self._content(method, route, body, headers)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise no_such_server(self.address) from None

    def _content(
        self, method: str, route: str, body: bytes | None, headers: dict[str, str]
    ) -> bytes:
        try:
            status, content = self._answer(method, self._path + route, body, headers)
        except (OSError, HTTPException) as error:
            self._line.close()
            if isinstance(error, OSError):
                raise away(self.address, error) from error
            raise no_such_server(self.address) from error
        if not 200 <= status < 300:
            raise failure_in(status, content, self.address)
        return content

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Status and body; asked again where a connection that idled was closed meanwhile."""
        try:
            return self._once(method, path, body, headers)
        except (ConnectionError, HTTPException):
            if not self._used:
                raise
            self._line.close()
            return self._once(method, path, body, headers)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        self._line.request(method, path, body, {**self._headers, **headers})
        answer: HTTPResponse = self._line.getresponse()
        content = answer.read()
        self._used = True
        return answer.status, content


def _line_to(address: str, seconds: float) -> HTTPConnection:
    try:
        named = urlsplit(address)
        host, port = named.hostname, named.port
    except ValueError:
        host, port = None, None
    if not host or named.scheme not in ("http", "https") or named.username or named.query:
        from model.errors import ServerError

        raise ServerError(
            f"'{address}' is no address of a server", "give one as http://127.0.0.1:8017"
        )
    kind = HTTPSConnection if named.scheme == "https" else HTTPConnection
    return kind(host, port, timeout=seconds)
