"""Folders that are compared with what they held before, where the system tells of no changes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from indexer.catalog.records import FileStamp
from indexer.scan.passed_over import Selection
from indexer.scan.walk import walk
from model.errors import RootMissing


def content_of(folder: str, selection: Selection | None = None) -> dict[str, bytes]:
    """Digest of names, sizes and times of the photos of each folder that holds some, by its path.

    Args:
        folder: folder to look at, with all below, or a file; one that is not there holds nothing.
        selection: rules for what is passed over.
    """
    digests: defaultdict[str, hashlib._Hash] = defaultdict(hashlib.sha256)
    try:
        for found in walk([folder], selection):
            if isinstance(found, FileStamp):
                place, _, name = found.path.rpartition("/")
                told = repr((name, found.size, found.mtime_ns))
                digests[place or "/"].update(told.encode("utf-8", "surrogateescape"))
    except RootMissing:
        return {}
    return {place: digest.digest() for place, digest in digests.items()}


class PolledFolder:
    """A folder that is looked at now and then.

    Args:
        folder: absolute path.
        selection: rules for what is passed over.
    """

    def __init__(self, folder: str, selection: Selection) -> None:
        self.folder = folder
        self._selection = selection
        self._held = content_of(folder, selection)

    def changed(self) -> list[str]:
        """Folders whose photos are not those of the last look; nothing where all is gone."""
        if not Path(self.folder).exists():
            return []
        held, self._held = self._held, content_of(self.folder, self._selection)
        return sorted(
            place
            for place in held.keys() | self._held.keys()
            if held.get(place) != self._held.get(place)
        )
