"""Served: what all routes of one server share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request

from model.errors import SegsearchError
from searchengine.engine import SearchEngine
from searchengine.overview.columns import KeptColumns
from searchengine.overview.looks import KeptLooks
from searchengine.web.assets import Asset, read_assets
from searchengine.web.engine_thread import EngineThread
from searchengine.web.examination import Examination
from searchengine.web.jobs.event_log import EventLog
from searchengine.web.jobs.index_news import IndexNews
from searchengine.web.jobs.jobs import Jobs
from searchengine.web.metrics import Metrics
from searchengine.web.photo_bytes import RecentThumbnails
from searchengine.web.settings import ServeSettings
from searchengine.web.shared_catalog import SharedCatalog
from searchengine.web.snapshots import Snapshot, Snapshots
from searchengine.web.uploads.store import UploadStore

DECODED_AT_ONCE = 2


class Served:
    """An index and whatever answers for it, between start and end of a server.

    Attributes:
        settings: settings of the server.
        engine_thread: thread that owns the engine.
        catalog: the catalog, read beside the engine.
        columns: columns of its photos and segments.
        looks: looks of its segments.
        snapshots: answers that were given lately.
        uploads: photos that were shown to search by.
        decoding: turns at decoding them.
        metrics: counts and times of all this.
        thumbnails: small photos.
        assets: files of the page by their paths.
        events: log of what happens, for whoever listens.
        jobs: work that takes long.
        examination: findings of doctor, when it was last asked.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        engine = SearchEngine.open(settings.folder, settings.preset)
        self.engine_thread = EngineThread(engine)
        self.looks = KeptLooks(lambda: engine.models.embedder.tells_looks)
        self.catalog = SharedCatalog(settings.folder)
        self.columns = KeptColumns()
        self.snapshots = Snapshots()
        self.uploads = UploadStore()
        self.decoding = asyncio.Semaphore(DECODED_AT_ONCE)
        self.metrics = Metrics(self.engine_thread)
        self.thumbnails = RecentThumbnails(settings.folder)
        self.assets: Mapping[str, Asset] = read_assets()
        self.events = EventLog()
        self.jobs = Jobs(lambda job: self.events.tell("job", job.to_dict()))
        self.examination = Examination(settings.folder)
        self._news = IndexNews(self.catalog, self.engine_thread, self.events.tell)

    def start(self) -> None:
        """Begin to load models and vectors, and the columns that facets are counted by."""
        self.engine_thread.start()
        self._news.start()
        threading.Thread(target=self._read_columns, name="columns", daemon=True).start()

    def _read_columns(self) -> None:
        with suppress(SegsearchError):  # whoever asks for facets is told
            catalog = self.catalog.reader
            self.looks.of(self.columns.of(catalog), catalog)

    async def completed(self, name: str) -> Snapshot:
        """The snapshot of a search with all of its matches, and its true total.

        Raises:
            SearchGone: none of that name was made lately.
            ServerBusy: too many questions wait already.
        """
        snapshot = self.snapshots.of(name)
        if not snapshot.complete:
            await self.engine_thread.ask(name, lambda _: snapshot.finish())
        return snapshot

    def stop(self) -> None:
        """Let go of everything; returns when it is done."""
        self.events.close()
        self._news.stop()
        self.jobs.close()
        self.engine_thread.stop()


def _served(request: Request) -> Served:
    served = request.app.state.served
    assert isinstance(served, Served)
    return served


ServedHere = Annotated[Served, Depends(_served)]
