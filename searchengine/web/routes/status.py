"""Status of server and index."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from model.errors import IndexMissing
from model.language.multilingual.encoder import is_installed
from model.language.multilingual.word_lists import LANGUAGES
from searchengine.queries.query import ENGLISH
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.metrics import CONTENT_TYPE
from searchengine.web.served import ServedHere

router = APIRouter(tags=["status"])


@router.get("/healthz")
def healthz() -> JsonAnswer:
    """Whether the server answers."""
    return JsonAnswer({"ok": True})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(served: ServedHere) -> Response:
    """Counts and times, as Prometheus reads them."""
    return Response(served.metrics.told(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/status")
def status(served: ServedHere) -> JsonAnswer:
    """What the server serves and allows, and whether it is ready."""
    settings = served.settings
    document: dict[str, Any] = {
        "version": version("segsearch"),
        "index": str(settings.folder),
        "loading": served.engine_thread.loading,
        "demo": settings.demo,
        "roots": [str(root) for root in settings.roots],
        "export_folder": None if settings.export_folder is None else str(settings.export_folder),
        "languages": {"installed": is_installed(), "codes": [ENGLISH, *LANGUAGES]},
        "doctor": served.examination.summary,
        "counts": None,
        "preset": None,
        "generation": None,
    }
    try:
        catalog = served.catalog.reader
    except IndexMissing:
        return JsonAnswer(document)
    with catalog.snapshot():
        counts = catalog.counts()
        document |= {
            "counts": counts._asdict() | {"undated": catalog.undated()},
            "preset": catalog.manifest.preset,
            "generation": catalog.generation,
            "indexed": catalog.roots(),
        }
    return JsonAnswer(document)
