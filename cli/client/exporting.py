"""Exports that a server makes: asked for, followed, and unpacked where they are wanted."""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.client.connection import Connection
from cli.client.failures import failure_of

if TYPE_CHECKING:
    from searchengine.export import ExportReport

SECONDS_BETWEEN = 0.1


def export_at(
    line: Connection, request: Mapping[str, Any], folder: Path, *, overwrite: bool
) -> tuple[list[str], ExportReport]:
    """Files that a server writes, in a folder here; notes on the question, and a report.

    Args:
        line: connection to the server.
        request: matches to be exported, format and options, as the API takes them.
        folder: folder to write to.
        overwrite: whether files that are there are replaced, and the former export removed.

    Raises:
        ExportError: files are in the way, or the folder cannot be written to.
        SegsearchError: the server does not export this, or does not answer.
    """
    from indexer.scan.own_output import MANIFEST
    from model.errors import ExportError
    from searchengine.export import ExportReport, refuse_former_run

    refuse_former_run(folder, overwrite=overwrite)  # before anything is asked
    name = line.post("/exports", request)["job"]
    while not (job := line.get(f"/jobs/{name}"))["ended"]:
        time.sleep(SECONDS_BETWEEN)
    if job["error"] is not None:
        raise failure_of(job["error"])
    if job["summary"] is None:
        raise ExportError("somebody stopped this export at the server", "ask for it again")
    unpack(line.download(f"/exports/{name}/file"), folder, overwrite=overwrite)
    told = job["summary"]
    return job["notes"], ExportReport(
        folder,
        told["format"],
        folder / MANIFEST,
        told["files"],
        told["photos"],
        told["segments"],
        tuple(told["warnings"]),
        tuple((each["path"], each["reason"]) for each in job["skipped_photos"]),
    )


def unpack(packed: bytes, folder: Path, *, overwrite: bool) -> None:
    """The files of a zip in a folder, as an export writes them there.

    Raises:
        ExportError: files are in the way, or the folder cannot be written to.
    """
    from indexer.scan.own_output import exported_files
    from searchengine.export.former_run import refuse_files, remove_former_run
    from searchengine.output_files import made_below, made_folder, write

    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(io.BytesIO(packed)) as files:
        files.extractall(place)  # which leaves out whatever leads elsewhere
        paths = sorted(path for path in Path(place).rglob("*") if path.is_file())
        names = [path.relative_to(place).as_posix() for path in paths]
        if not overwrite:
            refuse_files([name for name in names if (folder / name).exists()], folder)
        made_folder(folder)
        former = exported_files(folder)
        for path, name in zip(paths, names, strict=True):
            if below := name.rpartition("/")[0]:
                made_below(folder, below)
            write(folder / name, path.read_bytes())
        remove_former_run(folder, names, former)
