"""Routes of the API, a module a noun; whoever adds one names its router in `ROUTERS`."""

from searchengine.web.routes import (
    answers,
    assets,
    doctor,
    events,
    exports,
    feedback,
    history,
    jobs,
    photos,
    saved,
    search,
    segments,
    status,
    uploads,
)

API = "/api/v1"
ROUTERS = (
    search.router,
    answers.router,
    photos.router,
    segments.router,
    status.router,
    uploads.router,
    saved.router,
    history.router,
    feedback.router,
    jobs.router,
    exports.router,
    events.router,
    doctor.router,
)
"""Routers below `/api/v1`."""
PAGE = assets.router
"""The page itself, at `/`."""
