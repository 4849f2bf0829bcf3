"""Routes of the API, a module a noun; whoever adds one names its router in `ROUTERS`."""

from searchengine.web.routes import (
    assets,
    feedback,
    history,
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
    photos.router,
    segments.router,
    status.router,
    uploads.router,
    saved.router,
    history.router,
    feedback.router,
)
"""Routers below `/api/v1`."""
PAGE = assets.router
"""The page itself, at `/`."""
