"""The manifest: what was asked, and which file holds which segments.

It is written while the files are, and closed also when the export ends early: then it lists what
is there and says that it is not complete. Room for its end is kept on the disk from the beginning,
so that it can be closed when the disk is full.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, BinaryIO

from indexer.catalog.filter import Filter
from indexer.catalog.records import PhotoRow
from indexer.scan.own_output import SOFTWARE as OURS
from searchengine.matches.match import Match
from searchengine.queries.query import Query

ROOM = 1 << 16  # bytes kept for the end of the manifest


@dataclass(frozen=True)
class ExportOrigin:
    """Origin of exported matches: index, preset and query.

    Attributes:
        index: the index's folder.
        preset: the preset's name.
        fingerprint: the preset's fingerprint, hex.
        query: words or query asked; None where segments were chosen by id or all of them, and
            where labels were asked.
        where: the conditions, where there was no query to hold them.
        roots: folders that were indexed; photos' names are relative to what all lie in.
        labels: labels that were asked, names with their words.
    """

    index: str
    preset: str
    fingerprint: str
    query: Query | None = None
    where: Filter = field(default_factory=Filter)
    roots: tuple[str, ...] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The origin as the manifest has it."""
        query = self.query
        where = self.where if query is None else query.where
        return {
            "index": self.index,
            "preset": {"name": self.preset, "fingerprint": self.fingerprint},
            "labels": {name: list(words) for name, words in self.labels.items()},
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
                "all_duplicates": query.all_duplicates,
            },
            "filters": {
                "path_glob": where.path_glob,
                "after": where.after.isoformat() if where.after else None,
                "before": where.before.isoformat() if where.before else None,
                "camera": where.camera,
                "min_area": where.min_area,
                "max_area": where.max_area,
                "format": where.format,
                "near": where.near,
                "places": list(where.places),
                "photo_ids": where.photo_ids,
            },
        }


class ExportManifest:
    """Counts and lists what an export writes, into an open file.

    Attributes:
        names: files so far, below the export's folder.
        photos, segments: numbers of photos and segments in the files.
        warnings: lines about what the format loses, each once.
        skipped: photos that could not be exported: path and reason.
    """

    def __init__(
        self,
        file: BinaryIO,
        origin: ExportOrigin,
        format: str,
        raw_frame: bool,
        root: str,
        names: list[str],
    ) -> None:
        """Begin the list.

        Args:
            file: empty, seekable file to write to.
            origin: query and index that the matches come from.
            format: one of `FORMATS`.
            raw_frame: whether masks are laid out as the file's pixels are.
            root: folder that photos' names are relative to.
            names: an empty list, which the names of all files are added to.
        """
        self._file = file
        self._end = self._kept = 0
        self.names = names
        self.photos = 0
        self.segments = 0
        self.warnings: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        head = {
            OURS: version("segsearch"),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "format": format,
            "frame": "file" if raw_frame else "upright",
            "photos_root": root,
            **origin.to_dict(),
        }
        self._write(json.dumps(head, indent=1)[:-2].encode() + b',\n "files": [')

    @property
    def files(self) -> int:
        """Number of files so far."""
        return len(self.names)

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
                    **({} if match.label is None else {"label": match.label}),
                }
                for match in matches
            ]
        self._write((b"," if self.files else b"") + b"\n  " + json.dumps(entry).encode())
        self.names.append(name)

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
        self._keep(4 * (len(photo.path) + len(reason)) + 100)

    def close(self, complete: bool) -> None:
        """Write the rest."""
        tail = {
            "counts": {"files": self.files, "photos": self.photos, "segments": self.segments},
            "warnings": self.warnings,
            "skipped": [{"photo": path, "reason": reason} for path, reason in self.skipped],
            "complete": complete,
        }
        self._file.write(b"\n ],\n" + json.dumps(tail, indent=1)[2:].encode() + b"\n")
        self._file.truncate()

    def _write(self, data: bytes) -> None:
        self._keep(len(data))
        self._file.write(data)
        self._end += len(data)

    def _keep(self, more: int) -> None:
        """Have room on the disk for so many bytes, and always for the end as well."""
        if self._end + more + ROOM > self._kept:
            self._kept += more + 2 * ROOM
            self._file.seek(0, os.SEEK_END)
            self._file.write(b" " * (self._kept - self._file.tell()))
            self._file.flush()
            self._file.seek(self._end)
