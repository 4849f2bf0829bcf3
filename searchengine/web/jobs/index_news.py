"""News of the index: new generations and loaded models, found out by looking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from model.errors import SegsearchError
from searchengine.web.engine_thread import EngineThread
from searchengine.web.shared_catalog import SharedCatalog

SECONDS_BETWEEN = 1.0
Tell = Callable[[str, Any], object]


class IndexNews:
    """A thread that tells when the index has changed, whoever changed it, and models are loaded.

    Args:
        catalog: catalog of the index, which need not be there yet.
        engine_thread: thread that loads the models.
        tell: function that takes an event's name and document.
    """

    def __init__(self, catalog: SharedCatalog, engine_thread: EngineThread, tell: Tell) -> None:
        self._catalog, self._engine_thread, self._tell = catalog, engine_thread, tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="news", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        state = self._state()
        loading = self._engine_thread.loading
        while not self._stop.wait(SECONDS_BETWEEN):
            if self._engine_thread.loading != loading:
                loading = not loading
                self._tell("loading", {"loading": loading})
            found = self._state()
            if found is not None and found != state:
                state = found
                self._tell("generation", found)

    def _state(self) -> dict[str, int] | None:
        """Generation and counts; None where nothing is indexed, or it cannot be read just now."""
        with suppress(SegsearchError):
            catalog = self._catalog.reader
            with catalog.snapshot():
                counts = catalog.counts()
                return {
                    "generation": catalog.generation,
                    "photos": counts.photos,
                    "segments": counts.segments,
                }
        return None
