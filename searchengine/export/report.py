"""Report of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import shown


@dataclass(frozen=True)
class ExportReport:
    """Files that were written, losses on the way, and photos that could not be exported.

    Attributes:
        folder: folder with the files in it.
        format: one of `FORMATS`.
        manifest: the file that lists them all, with query, scores and preset.
        files: number of files, the manifest included.
        photos: number of photos with a segment in them.
        segments: number of segments in them.
        warnings: one line for each kind of loss that the format brings.
        skipped: path and reason of each photo that could not be exported.
    """

    folder: Path
    format: str
    manifest: Path
    files: int
    photos: int
    segments: int
    warnings: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        counts = f"{_number(self.segments, 'segment')} of {_number(self.photos, 'photo')}"
        skipped = f", {_number(len(self.skipped), 'photo')} skipped" if self.skipped else ""
        where = f"{_number(self.files, 'file')} in {shown(self.folder)}"
        return f"{counts} as {self.format}: {where}{skipped}"

    def to_dict(self) -> dict[str, Any]:
        """The report as the command line's JSON has it."""
        return {
            "folder": str(self.folder),
            "format": self.format,
            "manifest": str(self.manifest),
            "files": self.files,
            "photos": self.photos,
            "segments": self.segments,
            "warnings": list(self.warnings),
            "skipped": [{"photo": path, "reason": reason} for path, reason in self.skipped],
        }


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
