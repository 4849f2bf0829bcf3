"""The page: its files, from a fixed table."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from model.errors import NotFound
from searchengine.web.assets import INDEX
from searchengine.web.served import ServedHere

router = APIRouter(include_in_schema=False)


@router.get("/{name:path}")
def asset(name: str, request: Request, served: ServedHere) -> Response:
    """A file of the page; the page itself where none is named."""
    found = served.assets.get(name or INDEX)
    if found is None:
        raise NotFound("there is no such page", "open / or see docs/api.md")
    headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    headers["Content-Type"] = found.content_type
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, headers=headers)
