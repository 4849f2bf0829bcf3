"""The export that a folder holds already: known by its manifest, removed only file by file."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath

from indexer.scan.own_output import MANIFEST, exported_files
from model.errors import ExportError, shown
from searchengine.output_files import refuse_folder


def refuse_former_run(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that can take no export, before anything is made ready for one.

    Raises:
        OutputUnusable: the path is that of a file or a device, or no name for a folder.
        ExportError: an export, or another manifest, is in it.
    """
    refuse_folder(folder)
    if overwrite or not os.path.lexists(folder / MANIFEST):
        return
    others = [n for n in exported_files(folder) - {MANIFEST} if os.path.lexists(folder / n)]
    refuse_files([MANIFEST, *others], folder)


def refuse_files(names: list[str], folder: Path) -> None:
    """Refuse to replace files of a folder, naming the first.

    Raises:
        ExportError: there are any.
    """
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise ExportError(
            f"{shown(folder / names[0])}{more} would be overwritten",
            "add `overwrite=True`, or choose another folder",
        )


def remove_former_run(folder: Path, kept: Collection[str], former: Collection[str]) -> None:
    """Remove what an export left in a folder, and the folders that are empty then.

    Args:
        folder: the export's folder.
        kept: names, below the folder, that are written anew.
        former: names that the export's manifest listed; what leads out of the folder is left.
    """
    emptied = set[PurePosixPath]()
    for name in set(former).difference(kept, {MANIFEST}):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            continue
        above = [p for p in path.parents if p.parts]
        if any((folder / p).is_symlink() for p in above):
            continue
        with suppress(OSError):  # gone already, or a folder now
            (folder / path).unlink()
            emptied.update(above)
    for below in sorted(emptied, key=lambda p: len(p.parts), reverse=True):
        with suppress(OSError):  # not empty
            (folder / below).rmdir()
