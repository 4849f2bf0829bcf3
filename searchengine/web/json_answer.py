"""JSON as the API answers it, and its errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from model import errors

log = logging.getLogger("segsearch")

RETRY_SECONDS = 2
STATUSES: tuple[tuple[type[errors.SegsearchError], int], ...] = (
    (errors.Superseded, 409),
    (errors.ServerBusy, 503),
    (errors.SearchGone, 404),
    (errors.NotFound, 404),
    (errors.RequestRefused, 403),
    (errors.NameUnknown, 404),
    (errors.NameTaken, 409),
    (errors.QueryError, 422),
    (errors.PhotoTooLarge, 413),
    (errors.PhotoUnsupported, 415),
    (errors.PhotoChanged, 410),
    (errors.PhotoError, 422),
    (errors.IndexMissing, 404),
    (errors.IndexLocked, 409),
    (errors.IndexReadOnly, 403),
    (errors.RootMissing, 404),
    (errors.StorageFull, 507),
    (errors.ExportError, 422),
    (errors.ExtraMissing, 501),
)
"""The first class that an error is of tells its status; any other is the server's own fault."""


class JsonAnswer(Response):
    """A JSON document.

    ASCII: a file name that is no UTF-8 becomes escaped surrogates, as the command line has it.
    """

    media_type = "application/json"

    def __init__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """The document's bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def status_of(error: errors.SegsearchError) -> int:
    """HTTP status that an error of ours is answered with."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_answer(kind: str, what: str, fix: str, status: int) -> JsonAnswer:
    """An error in the API's form."""
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    document = {"error": {"kind": kind, "what": errors.shown(what), "fix": errors.shown(fix)}}
    return JsonAnswer(document, status, headers)


def answer_to(error: errors.SegsearchError) -> JsonAnswer:
    """An error of ours in the API's form."""
    return error_answer(type(error).__name__, error.what, error.fix, status_of(error))


def answer_errors(app: FastAPI) -> None:
    """Let an app answer whatever goes wrong in the API's form."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, errors.SegsearchError)
        return answer_to(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return error_answer("RequestInvalid", f"{place}: {first['msg']}", "see docs/api.md", 422)

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "RequestInvalid")
        answer = error_answer(kind, str(error.detail), "see docs/api.md", error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_answer("InternalError", "the server failed", "its log tells why", 500)

    app.add_exception_handler(errors.SegsearchError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
