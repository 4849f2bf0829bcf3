"""Requests for weights: where redirects may lead, who gets the token, and why a request failed."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from typing import IO, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from model.errors import DownloadFailed, LicenceNotAccepted, shown
from model.weights.bounded_response import BoundedResponse, Dripped, Flooded
from model.weights.urls import url_fault

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 60.0  # seconds that a server may ask for


class Interrupted(Exception):
    """The connection was no good; another may be.

    Attributes:
        wait: seconds until then, if the server asked for some.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Connections:
    """HTTP and HTTPS, and nothing else; proxies as the environment names them.

    A redirect leads neither to another protocol nor from HTTPS to HTTP, and takes the token to no
    other host.

    Args:
        token: secret for the first host, or "".
        timeout: seconds within which a connection is made, an answer's whole head comes, and each
            block of its body.
    """

    def __init__(self, token: str, timeout: float) -> None:
        self._token = token
        self._timeout = timeout
        self._redirects = _Redirects()
        self._opener = OpenerDirector()
        for handler in (
            ProxyHandler(),
            _Http(),
            _Https(),
            self._redirects,
            HTTPDefaultErrorHandler(),
            HTTPErrorProcessor(),
            UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    @property
    def linked_sha256(self) -> str:
        """The digest that the hub named when it sent us on to its store, or ""."""
        return self._redirects.linked

    def get(self, url: str, headers: dict[str, str]) -> BoundedResponse:
        """The answer, its body not yet read.

        Raises:
            HTTPError: the server refuses.
            OSError, HTTPException: the network or the server is no good.
            DownloadFailed: a redirect leads astray.
        """
        # some publishers turn away what calls itself Python
        own = {"User-Agent": "segsearch", "Accept-Encoding": "identity"}
        try:
            request = Request(url, headers=own | headers)
            if self._token:
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            answer = self._opener.open(request, timeout=self._timeout)
        except ValueError as error:  # what neither IDNA nor HTTP can write down, from the server
            raise astray(url, str(error)) from error
        return cast(BoundedResponse, answer)


class _Connection(http.client.HTTPConnection):
    response_class = BoundedResponse


class _SecureConnection(http.client.HTTPSConnection):
    response_class = BoundedResponse


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class _Redirects(HTTPRedirectHandler):
    max_redirections = 5
    linked = ""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> IO[bytes] | None:
        try:
            urlsplit(headers.get("Location", ""))
        except ValueError as error:
            fp.close()
            raise astray(req.full_url, str(error)) from error
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        fault = url_fault(newurl)
        old, new = urlsplit(req.full_url), urlsplit("" if fault else newurl)
        if (old.scheme, new.scheme) == ("https", "http"):
            fault = "it leads to http://…"
        if fault:
            fp.close()
            raise astray(req.full_url, fault)
        linked = str(headers.get("X-Linked-Etag", "")).strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", linked):
            self.linked = linked
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.unredirected_hdrs.get("Authorization")
        if request is not None and token and new[:2] == old[:2]:
            request.add_unredirected_header("Authorization", token)
        return request


def astray(url: str, how: str) -> DownloadFailed:
    """A server that cannot be trusted to send the file."""
    return DownloadFailed(
        f"{shown(url)} is not what it should be ({shown(how)})",
        "look whether something on this network rewrites it, or name a file that you have in a"
        " preset of your own",
    )


def refusal(error: HTTPError, url: str, page: str) -> Exception:
    """Error for a status of 400 and above: `Interrupted` if it may pass."""
    status = f"{error.code} {shown(error.reason)}".rstrip()
    if error.code in PASSING:
        return Interrupted(
            f"the server says {status}", asked_wait(error.headers.get("Retry-After"))
        )
    if error.code < 400:  # a redirect that is not followed
        return astray(url, str(error.reason).partition("\n")[0] or f"the server says {status}")
    if error.code in (401, 403):
        return LicenceNotAccepted(
            f"{shown(url)} is not given to everyone ({status})",
            f"accept its licence at {shown(page or url)} and set HF_TOKEN to a token of yours, or"
            " name a file that you have in a preset of your own",
        )
    return DownloadFailed(
        f"{shown(url)} cannot be fetched ({status})",
        "look for a newer segsearch, or name a file that you have in a preset of your own",
    )


def asked_wait(after: str | None) -> float:
    """Seconds that a Retry-After header asks for, `LONGEST_WAIT` at the most; 0 for none.

    Args:
        after: whole seconds or a date (RFC 9110 §10.2.3); what is neither asks for nothing.
    """
    after = (after or "").strip()
    if re.fullmatch("[0-9]+", after):
        return min(float(after), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(after)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)


def failure(error: Exception, url: str) -> Exception:
    """Error for a failure of the network: `Interrupted` if it may pass."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return astray(url, f"its certificate is not trusted: {reason.verify_message}")
    if isinstance(reason, Flooded | Dripped):
        return astray(url, "its answer does not come to an end")
    if isinstance(reason, socket.gaierror):
        return Interrupted(f"no network, or no host {urlsplit(url).hostname}")
    if isinstance(reason, TimeoutError):
        return Interrupted("nothing arrives")
    if isinstance(reason, http.client.IncompleteRead):
        return Interrupted("the connection ended early")
    told = reason.strerror if isinstance(reason, OSError) else ""
    return Interrupted(shown(told or reason or type(reason).__name__).lower()[:200])
