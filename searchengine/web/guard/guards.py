"""Guards: what every request must be like before anything else sees it.

The server answers the page that it served, and programs of this machine; not other pages that a
browser has open, which could otherwise search and show what lies here. Each rule has its test in
`tests/searchengine/web/test_guards.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from urllib.parse import parse_qs, urlsplit

from searchengine.web.guard.bodies import (
    UPLOADS,
    Bodies,
    Message,
    Receive,
    Refused,
    Scope,
    discarded,
)
from searchengine.web.json_answer import error_answer
from searchengine.web.settings import ServeSettings

Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
SAFE_HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
READING = ("GET", "HEAD")


class Guards:
    """Application behind rules on hosts, origins, secrets, kinds and sizes.

    Args:
        app: application that answers what is let through.
        settings: settings of the server.
        bodies: reader of bodies.
    """

    def __init__(self, app: App, settings: ServeSettings, bodies: Bodies | None = None) -> None:
        self._app = app
        self._token = settings.token
        self._session = token_urlsafe(24)  # what the cookie holds: ports share cookies
        self._hosts = frozenset(name.lower() for name in settings.allowed_hosts)
        self._own = settings.host.strip("[]").lower()
        self._bodies = bodies or Bodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets
            return
        send = _with_safe_headers(send)
        headers = _Headers(scope["headers"])
        try:
            self._require_host(scope, headers)
            if await self._opened_with_token(scope, send):
                return
            self._require_token(scope, headers)
            _require_same_site(scope, headers)
            _require_kind(scope, headers)
            async with self._bodies.read(scope, headers.one("content-length"), receive) as whole:
                await self._app(scope, whole, send)
        except Refused as error:
            answer = error_answer("RequestRefused", error.what, error.fix, error.status)
            if scope["method"] not in READING and not await discarded(receive):
                answer.headers["connection"] = "close"
            await answer(scope, receive, send)

    def _require_host(self, scope: Scope, headers: _Headers) -> None:
        """Refuse names that are not ours: another page may let its name lead here."""
        host = (headers.one("host") or "").lower()
        if not self._is_ours(host, scope):
            raise Refused(
                f"this server is not called {host[:100] or 'nothing'}",
                "open the address that it printed, or start it with --allow-host",
                421,
            )

    def _is_ours(self, host: str, scope: Scope) -> bool:
        if host in self._hosts:
            return True
        try:
            named = urlsplit(f"//{host}")
            name, port = named.hostname, named.port or 80
        except ValueError:
            return False
        if name is None or named.username is not None or named.path:
            return False
        address, own_port = scope["server"]
        if name in self._hosts and ":" not in host.strip("[]"):
            return True
        return port == own_port and name in {"localhost", "127.0.0.1", "::1", address, self._own}

    async def _opened_with_token(self, scope: Scope, send: Send) -> bool:
        """Give a browser that opens the page with the secret a cookie, and the page."""
        if self._token is None or scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if not given or not _same(given[0], self._token):
            return False
        cookie = f"{_cookie_name(scope)}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        start = {
            "type": "http.response.start",
            "status": 303,
            "headers": [(b"location", b"/"), (b"set-cookie", cookie.encode())],
        }
        await send(start)
        await send({"type": "http.response.body", "body": b""})
        return True

    def _require_token(self, scope: Scope, headers: _Headers) -> None:
        if self._token is None:
            return
        kind, _, given = (headers.one("authorization") or "").partition(" ")
        if kind.lower() == "bearer" and _same(given, self._token):
            return
        if _same(_cookie(headers.one("cookie") or "", _cookie_name(scope)), self._session):
            return
        raise Refused(
            "the secret is missing or wrong", "open /?token=… with what --token was given", 401
        )


def _require_same_site(scope: Scope, headers: _Headers) -> None:
    """Refuse what another page makes a browser send."""
    site = headers.one("sec-fetch-site")
    opened = (
        scope["path"] == "/"
        and scope["method"] == "GET"
        and headers.one("sec-fetch-mode") == "navigate"
        and headers.one("sec-fetch-dest") == "document"
    )
    if site not in (None, "same-origin", "none") and not opened:
        raise Refused("another page asks for this", "open the page itself")
    origin = headers.one("origin")
    if origin is not None:
        named = urlsplit(origin)
        if named.scheme not in ("http", "https") or named.netloc.lower() != (
            (headers.one("host") or "").lower()
        ):
            raise Refused("a page from elsewhere asks for this", "open the page itself")


def _require_kind(scope: Scope, headers: _Headers) -> None:
    """Refuse bodies of kinds that any page may send unasked."""
    if scope["method"] in READING:
        return
    kind = (headers.one("content-type") or "").partition(";")[0].strip().lower()
    sends = scope["method"] != "DELETE" or (headers.one("content-length") or "0") != "0"
    wanted = "image/*" if scope["path"] == UPLOADS else "application/json"
    fits = kind.startswith("image/") if wanted == "image/*" else kind == wanted
    if sends and not fits:
        raise Refused(f"a body of kind {kind[:50] or 'none'} came", f"send {wanted}", 415)


def _with_safe_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *SAFE_HEADERS]}
        await send(message)

    return sending


def _cookie_name(scope: Scope) -> str:
    return f"segsearch-{scope['server'][1]}"


def _cookie(text: str, name: str) -> str:
    try:
        morsel = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), wanted.encode())


class _Headers:
    """Headers of a request; one that comes twice is refused where it is asked for."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._pairs = list(pairs)

    def one(self, name: str) -> str | None:
        """The value of a header, if there is one.

        Raises:
            Refused: there are several.
        """
        found = [value for key, value in self._pairs if key == name.encode()]
        if len(found) > 1:
            raise Refused(f"there are {len(found)} headers {name}", "send one", 400)
        return found[0].decode("latin-1") if found else None
