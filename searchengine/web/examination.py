"""Examination: what doctor found of a served index, and what is told of it afterwards."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from model.errors import ServerBusy
from searchengine.doctor import examine


class Examination:
    """The last examination of an index; one goes on at a time. Threads may share one.

    Args:
        folder: index folder; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._summary: dict[str, Any] | None = None

    @property
    def summary(self) -> dict[str, Any] | None:
        """When doctor last looked (seconds since 1970), whether all was well, and its lines on
        what was not; None where nobody asked it to look yet."""
        return self._summary

    def look(self) -> dict[str, Any]:
        """Look at everything, and change nothing; the whole diagnosis, as JSON has it.

        Raises:
            ServerBusy: another examination goes on.
        """
        if not self._turn.acquire(blocking=False):
            raise ServerBusy("an examination goes on already", "ask again when it is done")
        try:
            told = examine(self._folder).to_dict()
            self._summary = {
                "at": round(time.time(), 3),
                "healthy": told["healthy"],
                "problems": told["problems"],
            }
            return told
        finally:
            self._turn.release()
