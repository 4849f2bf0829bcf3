"""Exporting as a job: the files that the command line would write, in a folder or as a zip."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from indexer.catalog.catalog_reader import CatalogReader
from model.errors import StorageFull
from searchengine.export import ExportOrigin, ExportReport, Layout, export
from searchengine.export.exporter import by_photo
from searchengine.matches.match import Match
from searchengine.output_files import made_folder
from searchengine.queries.query import Query
from searchengine.web.jobs.job import Job, JobStopped

_PACKED = frozenset({".png", ".jpg", ".jpeg", ".webp"})  # already


@dataclass(frozen=True)
class Exporting:
    """Work of an export job.

    Attributes:
        matches: matches to be exported.
        query: query that they answer; None where they were chosen by id.
        catalog: catalog of the index.
        format: name of a format.
        layout: choices about the files.
        folder: folder to be made; None where a zip is.
        zip_file: zip file to be made; None where a folder is.
    """

    matches: Sequence[Match]
    query: Query | None
    catalog: CatalogReader
    format: str
    layout: Layout
    folder: Path | None
    zip_file: Path | None

    def __call__(self, job: Job) -> dict[str, Any]:
        """Export; returns the report.

        Raises:
            JobStopped: the job was asked to end; nothing is left of it.
            ExportError, StorageFull: the files cannot be written.
        """
        if self.folder is not None:
            made_folder(self.folder)
            try:
                report = self._export(job, self.folder)
            except BaseException:
                shutil.rmtree(self.folder, ignore_errors=True)
                raise
            return self._summary(job, report) | {"folder": str(self.folder)}
        assert self.zip_file is not None
        with tempfile.TemporaryDirectory(dir=self.zip_file.parent) as place:
            report = self._export(job, Path(place) / "export")
            try:
                _pack(report.folder, self.zip_file, job)
            except OSError as error:
                self.zip_file.unlink(missing_ok=True)
                raise StorageFull(
                    f"the zip cannot be written ({error.strerror})", "free some space, then export"
                ) from error
        return self._summary(job, report) | {"bytes": self.zip_file.stat().st_size}

    def _export(self, job: Job, folder: Path) -> ExportReport:
        manifest = self.catalog.manifest
        origin = ExportOrigin(
            str(self.catalog.folder),
            manifest.preset,
            manifest.settings.get("fingerprint", ""),
            self.query,
            roots=tuple(self.catalog.roots()),
        )
        job.total = len(self.matches)
        # nobody knows where a zip will be unpacked
        layout = replace(self.layout, whole_paths=self.zip_file is not None)
        return export(self._counted(job), folder, self.format, origin=origin, layout=layout)

    def _counted(self, job: Job) -> Iterator[Match]:
        """The matches photo by photo, counted, until the job is to stop."""
        done = 0
        for photo, group in by_photo(self.matches):
            if job.stop.is_set():
                raise JobStopped
            yield from group
            done += len(group)
            job.advance(done, last=photo.path)

    @staticmethod
    def _summary(job: Job, report: ExportReport) -> dict[str, Any]:
        for path, reason in report.skipped:
            job.skip(path, "PhotoError", reason)
        told = report.to_dict()
        return {name: told[name] for name in ("files", "photos", "segments", "format", "warnings")}


def _pack(folder: Path, file: Path, job: Job) -> None:
    """Write a folder's files into a zip, in the order of their names; pictures as they are."""
    with (
        os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw,
        zipfile.ZipFile(raw, "w", strict_timestamps=False) as packed,
    ):
        for path in sorted(folder.rglob("*")):
            if job.stop.is_set():
                raise JobStopped
            if path.is_file():
                packing = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
                packed.write(path, path.relative_to(folder), packing)
