"""Output files: complete before they appear, and never in the place of a file that is not ours."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from indexer.scan.own_output import is_own_picture
from model.atomic_files import DISK_FULL, remove_leftovers, replaced
from model.errors import ExportError, OutputUnusable, StorageFull, shown

NOT_A_NAME = {errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTDIR, errno.ELOOP}


@contextmanager
def completed(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well.

    Until then, and after any error, whatever was at `path` stays as it was. A symbolic link there
    is replaced, never followed.

    Raises:
        StorageFull: the disk is full.
        ExportError: the file cannot be written.
    """
    try:
        with replaced(path, flushed=False) as part, part.open("xb") as file:
            yield file
    except OSError as error:
        raise refusal(error, path) from error


def write(path: Path, data: bytes) -> None:
    """Write a whole file.

    Raises:
        StorageFull: the disk is full.
        ExportError: the file cannot be written.
    """
    with completed(path) as file:
        file.write(data)


def refuse_place(path: Path, *, overwrite: bool) -> None:
    """Refuse a place where a picture cannot be written, or that holds a file which is not ours.

    A picture that segsearch drew there may be drawn again.

    Args:
        path: path of the picture to be written.
        overwrite: whether any ordinary file may be replaced.

    Raises:
        OutputUnusable: the path is that of a folder, a device or a pipe, or no name for a file.
        ExportError: a file is in the way.
    """
    name = shown(path)[:200]
    try:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind) and path.exists():
            kind = path.stat().st_mode
    except FileNotFoundError:
        if path.name in ("", ".", ".."):
            raise OutputUnusable(f"'{name}' is no name for a file", "give one") from None
        if not path.parent.is_dir():
            raise ExportError(
                f"{name} cannot be written: there is no folder {shown(path.parent)[:200]}",
                "make it, or name another place",
            ) from None
        return
    except (OSError, ValueError) as error:
        raise refusal(error, path) from error
    if stat.S_ISDIR(kind):
        raise OutputUnusable(f"{name} is a folder", "name a file in it")
    if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
        raise OutputUnusable(f"{name} is no ordinary file", "name another one")
    if not overwrite and not is_own_picture(path):
        raise ExportError(
            f"{name} is there already, and no picture that segsearch drew",
            "choose another name, or add `overwrite=True`",
        )


def refuse_folder(path: Path) -> None:
    """Refuse what can be no folder for output; nothing is made.

    Raises:
        OutputUnusable: a file, a device or a pipe is there, or it is no name for a folder.
    """
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise OutputUnusable(
                f"{shown(path)} is a link that leads nowhere", "name another folder"
            ) from None
        return
    except (OSError, ValueError) as error:
        raise refusal(error, path) from error
    if not stat.S_ISDIR(kind):
        raise OutputUnusable(f"{shown(path)} is a file, not a folder", "name a folder instead")


def made_folder(path: Path) -> Path:
    """The folder, made with its parents where it is not there yet, and fit to be written to.

    What a killed process left unfinished in it is removed.

    Raises:
        StorageFull: the disk is full.
        ExportError: there is something else in the way, or it cannot be made or written to.
    """
    refuse_folder(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(error, path) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ExportError(
            f"{shown(path)} may not be written to", "choose another folder or change its rights"
        )
    remove_leftovers(path)
    return path


def made_below(folder: Path, below: str) -> Path:
    """A folder below another, made where it is not there yet, and truly there.

    Args:
        folder: folder that is there.
        below: relative path with "/", "" for the folder itself.

    Raises:
        StorageFull: the disk is full.
        ExportError: the path leads elsewhere by a link, or cannot be made or written to.
    """
    place = folder
    for part in below.split("/") if below else ():
        place = place / part
        if _leads_elsewhere(place):
            raise ExportError(
                f"{shown(place)} is a link that leads out of the folder",
                "remove it, or choose another folder",
            )
        made_folder(place)
    return place


def refusal(error: OSError | ValueError, path: Path) -> StorageFull | ExportError:
    """Error for a file or folder that the system would not write."""
    name = shown(path)
    name = name if len(name) <= 300 else f"{name[:300]}…"
    number = getattr(error, "errno", None)
    if number in DISK_FULL:
        return StorageFull(f"the disk is full, {name} was not written", "free some space and go on")
    reason = getattr(error, "strerror", None) or error
    kind = OutputUnusable if number in NOT_A_NAME or isinstance(error, ValueError) else ExportError
    return kind(f"{name} cannot be written ({reason})", "choose another folder or name")


def _leads_elsewhere(place: Path) -> bool:
    """Whether a folder is a symbolic link or a junction."""
    is_junction = getattr(os.path, "isjunction", None)  # Python 3.12
    return place.is_symlink() or bool(is_junction and is_junction(place))
