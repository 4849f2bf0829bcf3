"""Who is answered, and what is sent along: each rule against the real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from searchengine import ServerError
from searchengine.web import server
from searchengine.web.guard import connections, guards
from searchengine.web.guard.bodies import MOST_JSON, MOST_UPLOADED, Bodies
from searchengine.web.settings import ServeSettings

API = "/api/v1"
TOKEN = "a-secret-of-24-characters"


def spoken(address: str, text: str | bytes, seconds: float = 10) -> str:
    """What a server says to these bytes until it is silent or closes."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), seconds) as connection:
        connection.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        connection.settimeout(seconds)
        said = b""
        while b"\r\n\r\n" not in said:
            piece = connection.recv(65536)
            if not piece:
                break
            said += piece
        return said.decode("latin-1")


def status_of(said: str) -> int:
    return int(said.split()[1]) if said else 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:PORT", 200),
        ("localhost:PORT", 200),
        ("LocalHost:PORT", 200),
        ("[::1]:PORT", 200),
        ("evil.example:PORT", 421),
        ("evil.example", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:1", 421),
        ("localhost.evil.example:PORT", 421),
        ("user@127.0.0.1:PORT", 421),
        ("127.0.0.1:PORT/x", 421),
        ("127.0.0.1:99999999", 421),
        ("0.0.0.0:PORT", 421),
        ("", 421),
    ],
)
def test_only_our_own_name_is_answered(client: httpx.Client, host: str, status: int) -> None:
    named = host.replace("PORT", str(client.base_url.port))
    answer = client.get(f"{API}/healthz", headers={"Host": named})
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["kind"] == "RequestRefused"


def test_a_request_without_or_with_two_names_is_refused(client: httpx.Client) -> None:
    address = str(client.base_url)
    assert status_of(spoken(address, f"GET {API}/healthz HTTP/1.0\r\n\r\n")) == 421
    host = f"Host: 127.0.0.1:{client.base_url.port}\r\n"
    twice = f"GET {API}/healthz HTTP/1.1\r\n{host}{host}\r\n"
    assert status_of(spoken(address, twice)) == 400


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://127.0.0.1:PORT", 200),
        ("http://localhost:PORT", 403),
        ("http://127.0.0.1:1", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://127.0.0.1:PORT", 403),
    ],
)
def test_only_our_own_page_may_ask(client: httpx.Client, origin: str | None, status: int) -> None:
    headers = (
        {} if origin is None else {"Origin": origin.replace("PORT", str(client.base_url.port))}
    )
    for method in ("GET", "POST"):
        answer = client.request(
            method,
            f"{API}/{'healthz' if method == 'GET' else 'search'}",
            headers=headers,
            json=None if method == "GET" else {"words": "red", "limit": 1},
        )
        assert answer.status_code == status, method


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("path", "headers", "refused"),
    [
        (f"{API}/healthz", {"Sec-Fetch-Site": "same-origin"}, False),
        (f"{API}/healthz", {"Sec-Fetch-Site": "none"}, False),
        (f"{API}/healthz", {"Sec-Fetch-Site": "cross-site"}, True),
        (f"{API}/healthz", {"Sec-Fetch-Site": "same-site"}, True),
        (f"{API}/healthz", {"Sec-Fetch-Site": "cross-site", **NAVIGATION}, True),
        ("/", {"Sec-Fetch-Site": "cross-site", **NAVIGATION}, False),
        ("/", {"Sec-Fetch-Site": "cross-site", **NAVIGATION, "Sec-Fetch-Dest": "iframe"}, True),
        ("/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True),
    ],
)
def test_another_page_can_open_ours_and_no_more(
    client: httpx.Client, path: str, headers: dict[str, str], refused: bool
) -> None:
    assert (client.get(path, headers=headers).status_code == 403) is refused


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "image/png"],
)
def test_what_any_page_may_send_unasked_is_refused(client: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    body = json.dumps({"words": "red"}).encode()
    for path in (f"{API}/search", f"{API}/similar", f"{API}/nothing"):
        assert client.post(path, content=body, headers=headers).status_code == 415
    assert client.post(f"{API}/search", content=b"").status_code == 415
    upload = {"Content-Type": "application/json"}
    assert client.post(f"{API}/uploads", content=body, headers=upload).status_code == 415


def test_no_other_page_is_allowed_anything(client: httpx.Client) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Content-Type": "application/json"}
    answers = [
        client.options(f"{API}/search", headers=asked),
        client.get(f"{API}/healthz"),
        client.get("/nothing"),
        client.get(f"{API}/healthz", headers={"Host": "evil.example"}),
        client.post(f"{API}/search", json={"words": "red", "limit": 1}),
        client.get(f"{API}/photos/1/thumb"),
    ]
    assert answers[0].status_code >= 400
    for answer in answers:
        headers = answer.headers
        assert not [name for name in headers if name.startswith("access-control")]
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_a_secret_is_asked_of_everybody_where_one_is_set(serving: Callable[..., Any]) -> None:
    with serving(token=TOKEN) as address, httpx.Client(base_url=address) as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": "Bearer \u00e9"},
            {"Cookie": f"segsearch-{client.base_url.port}={TOKEN}"},
            {"Cookie": "\u00e9;;=\u00e9"},
        ):
            sent = {name: value.encode("latin-1") for name, value in headers.items()}
            for path in ("/", f"{API}/healthz", f"{API}/status", f"/?token={TOKEN}x"):
                assert client.get(path, headers=sent).status_code == 401, headers
        bearer = client.get(f"{API}/healthz", headers={"Authorization": f"Bearer {TOKEN}"})
        assert bearer.status_code == 200
        opened = client.get("/", params={"token": TOKEN})
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        cookie = opened.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        assert client.get(f"{API}/healthz").status_code == 200  # the client kept the cookie


def test_other_addresses_need_a_secret_and_proxies_a_name(
    serving: Callable[..., Any], indexed: Any
) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "photos.example"):
        with pytest.raises(ServerError, match="could search these photos"):
            ServeSettings(folder=indexed, host=host)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with serving(host="0.0.0.0", token=TOKEN, allowed_hosts=("photos.example",)) as address:
        port = urlsplit(address).port
        own = f"http://127.0.0.1:{port}"
        for host, status in (
            (f"127.0.0.1:{port}", 200),
            ("photos.example", 200),
            (f"photos.example:{port}", 421),
            ("evil.example", 421),
        ):
            answer = httpx.get(f"{own}{API}/healthz", headers={**bearer, "Host": host})
            assert answer.status_code == status, host
        proxied = {**bearer, "Host": "photos.example", "Origin": "https://photos.example"}
        assert httpx.get(f"{own}{API}/healthz", headers=proxied).status_code == 200


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, serving: Callable[..., Any]) -> Iterator[str]:
    """The address of a server with little patience, and room for 60 connections."""
    monkeypatch.setattr(
        server, "limited_connections", lambda _: connections.limited_connections(60, 1.0, 0.5)
    )
    monkeypatch.setattr(guards, "Bodies", lambda: Bodies(0.5, 1.0))
    with serving() as address:
        yield address


def head(address: str, path: str = "search", kind: str = "application/json") -> str:
    host = urlsplit(address).netloc
    return f"POST {API}/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n"


@pytest.mark.parametrize(
    ("path", "kind", "most"),
    [("search", "application/json", MOST_JSON), ("uploads", "image/png", MOST_UPLOADED)],
)
def test_bodies_that_are_too_large_are_refused(hasty: str, path: str, kind: str, most: int) -> None:
    start = head(hasty, path, kind)
    assert status_of(spoken(hasty, f"{start}Content-Length: {most + 1}\r\n\r\n")) == 413
    assert status_of(spoken(hasty, f"{start}Content-Length: -1\r\n\r\n")) == 400
    piece = b"10000\r\n" + bytes(65536) + b"\r\n"
    endless = f"{start}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * (most // 65536 + 1)
    assert status_of(spoken(hasty, endless)) == 413


def _sent(connection: socket.socket, piece: bytes) -> bool:
    """Whether a piece could still be sent, a while after the one before."""
    time.sleep(0.1)
    try:
        connection.sendall(piece)
    except OSError:
        return False
    return True


def test_slow_clients_are_let_go(hasty: str) -> None:
    start = head(hasty)
    assert status_of(spoken(hasty, f"{start}Content-Length: 9\r\n\r\n{{")) == 408
    assert spoken(hasty, start) == ""  # headers that never end
    assert spoken(hasty, "") == ""
    parts = urlsplit(hasty)
    with socket.create_connection((parts.hostname, parts.port)) as slow:
        slow.sendall(f"{start}Transfer-Encoding: chunked\r\n\r\n".encode())
        assert any(not _sent(slow, b"1\r\n{\r\n") for _ in range(400))  # a byte at a time, for ever
    assert httpx.get(f"{hasty}api/v1/healthz").status_code == 200


def test_who_never_reads_its_answer_is_let_go() -> None:
    given_up = threading.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            if (await asyncio.wait({asyncio.ensure_future(receive())}, timeout=0))[0]:
                break
        given_up.set()

    protocol = connections.limited_connections(60, 1.0, 0.3)
    config = uvicorn.Config(endless, http=protocol, lifespan="off", log_level="critical")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, args=([listening],))
        thread.start()
        with socket.create_connection(listening.getsockname()) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert given_up.wait(20)
        running.should_exit = True
        thread.join(20)


def test_idle_sockets_make_room_for_who_asks(hasty: str) -> None:
    parts = urlsplit(hasty)
    idle = [socket.create_connection((parts.hostname, parts.port)) for _ in range(150)]
    try:
        answers = []

        def ask() -> None:
            answers.append(httpx.get(f"{hasty}api/v1/healthz", timeout=10).status_code)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 8
    finally:
        for each in idle:
            each.close()


def test_a_server_bears_as_many_idle_sockets_as_files_may_be_open(address: str) -> None:
    most = min(connections.most_connections(), 2000)
    parts = urlsplit(address)
    idle = [socket.create_connection((parts.hostname, parts.port)) for _ in range(most)]
    try:
        assert httpx.get(f"{address}api/v1/healthz", timeout=10).status_code == 200
    finally:
        for each in idle:
            each.close()


def test_bytes_that_are_no_http_are_no_harm(address: str) -> None:
    for text in ("\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0" * 999):
        assert status_of(spoken(address, text)) in (0, 400, 421)
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    host = f"Host: {urlsplit(address).netloc}\r\n"
    assert status_of(spoken(address, f"GET / HTTP/1.1\r\n{host}{upgrade}\r\n")) in (200, 404)
    assert httpx.get(f"{address}api/v1/healthz").status_code == 200
