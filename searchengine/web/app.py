"""The web application: routes, guards and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from searchengine.web.guard.guards import Guards
from searchengine.web.json_answer import answer_errors
from searchengine.web.metrics import Measuring
from searchengine.web.routes import API, PAGE, ROUTERS
from searchengine.web.schemas import ErrorAnswer
from searchengine.web.served import Served
from searchengine.web.settings import ServeSettings

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (422, "4XX", "5XX")
}


def create_app(settings: ServeSettings) -> FastAPI:
    """The application that serves an index; models are loaded behind its first answers."""
    served = Served(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        served.start()
        try:
            yield
        finally:
            served.stop()

    app = FastAPI(
        title="segsearch",
        version="1",
        summary="Search a photo collection by what its segments show.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they would fetch scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.served = served
    answer_errors(app)
    for router in ROUTERS:
        app.include_router(router, prefix=API, responses=ERRORS)
    app.include_router(PAGE)
    app.add_middleware(Guards, settings=settings)
    app.add_middleware(Measuring, metrics=served.metrics)
    return app
