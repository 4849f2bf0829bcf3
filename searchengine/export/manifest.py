"""The manifest: what was asked, and which file holds which segments.

It is written while the files are, so that a million of them need no memory, and it is closed
also when the export ends early: then it lists what is there and says that it is not complete.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, BinaryIO

from indexer.catalog.records import Filter, PhotoRow
from searchengine.search.match import Match
from searchengine.search.query import Query

NAME = "manifest.json"


@dataclass(frozen=True)
class ExportOrigin:
    """Where exported matches come from.

    Attributes:
        index: the index's folder.
        preset: the preset's name.
        fingerprint: the preset's fingerprint, hex.
        query: what was asked; None where segments were chosen by id or all of them.
        where: the conditions, where there was no query to hold them.
    """

    index: str
    preset: str
    fingerprint: str
    query: Query | None = None
    where: Filter = field(default_factory=Filter)

    def to_dict(self) -> dict[str, Any]:
        """The origin as the manifest has it."""
        query = self.query
        where = self.where if query is None else query.where
        return {
            "index": self.index,
            "preset": {"name": self.preset, "fingerprint": self.fingerprint},
            "query": None
            if query is None
            else {
                "words": query.words,
                "example": query.example is not None,
                "negatives": [{"words": n.words, "weight": n.weight} for n in query.negatives],
                "k": query.k,
                "per_photo": query.per_photo,
                "collapse": query.collapse,
                "neighbours": query.neighbours,
            },
            "filters": {
                "path_glob": where.path_glob,
                "after": where.after.isoformat() if where.after else None,
                "before": where.before.isoformat() if where.before else None,
                "camera": where.camera,
                "min_area": where.min_area,
                "photo_ids": where.photo_ids,
            },
        }


class ExportManifest:
    """Counts and lists what an export writes, into an open file.

    Attributes:
        files: files so far.
        photos, segments: what is in them.
        warnings: lines about what the format loses, each once.
        skipped: photos that could not be exported: path and reason.
    """

    def __init__(self, file: BinaryIO, origin: ExportOrigin, format: str, raw_frame: bool) -> None:
        self._file = file
        self.files = 0
        self.photos = 0
        self.segments = 0
        self.warnings: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        head = {
            "segsearch": version("segsearch"),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "format": format,
            "frame": "file" if raw_frame else "upright",
            **origin.to_dict(),
        }
        file.write(json.dumps(head, indent=1)[:-2].encode() + b',\n "files": [')

    def wrote(
        self, name: str, photo: PhotoRow | None = None, matches: Sequence[Match] = ()
    ) -> None:
        """A file is complete: what of, and with which segments."""
        entry: dict[str, Any] = {"file": name}
        if photo is not None:
            entry |= {"photo": photo.path, "photo_id": photo.id}
        if matches:
            entry["segments"] = [
                {
                    "segment_id": match.segment_id,
                    "rank": match.rank,
                    "score": match.score,
                    "confidence": match.confidence,
                }
                for match in matches
            ]
        self._file.write((b"," if self.files else b"") + b"\n  " + json.dumps(entry).encode())
        self.files += 1

    def holds(self, segments: int) -> None:
        """One more photo, with so many segments, is in the files."""
        self.photos += 1
        self.segments += segments

    def warn(self, line: str) -> None:
        """Tell about a loss; told again, it is not listed again."""
        if line not in self.warnings:
            self.warnings.append(line)

    def skip(self, photo: PhotoRow, reason: str) -> None:
        """Tell about a photo that could not be exported."""
        self.skipped.append((photo.path, reason))

    def close(self, complete: bool) -> None:
        """Write the rest."""
        tail = {
            "counts": {"files": self.files, "photos": self.photos, "segments": self.segments},
            "warnings": self.warnings,
            "skipped": [{"photo": path, "reason": reason} for path, reason in self.skipped],
            "complete": complete,
        }
        self._file.write(b"\n ],\n" + json.dumps(tail, indent=1)[2:].encode() + b"\n")
