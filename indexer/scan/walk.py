"""What lies under the folders to be indexed: found by listing them, without opening a file."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TypeAlias

from indexer.catalog.records import FileStamp
from model.errors import RootMissing, shown
from model.photos.formats import SUFFIXES, UNSUPPORTED_SUFFIXES

_NOT_WALKED = frozenset({"@eaDir", "$RECYCLE.BIN", "lost+found"})
_CATALOG = "catalog.sqlite"  # a folder that holds one is an index, not a collection


@dataclass(frozen=True, slots=True)
class FoundUnsupported:
    """A picture or film that is recognised by its suffix (lower-case, with dot) but not read."""

    path: str
    suffix: str


@dataclass(frozen=True, slots=True)
class FoundUnreadable:
    """A file or folder that cannot be looked at, and why."""

    path: str
    reason: str


FoundPhoto: TypeAlias = FileStamp
Found: TypeAlias = FoundPhoto | FoundUnsupported | FoundUnreadable


def walk(roots: Sequence[str | Path]) -> Iterator[Found]:
    """The photos under some folders, and what there could not be used.

    Hidden files and folders, the waste bins of systems, and indexes are passed over. Symbolic
    links are followed, and every folder is listed once: under its own path where it lies below
    a root, so linked folders come last. Otherwise a folder's files come in the order of their
    names, then its folders.

    Args:
        roots: folders, or single files; one that is named here is taken even where it is hidden
            or an index.

    Raises:
        RootMissing: a root is not there; raised by the call itself, before anything is found.
    """
    paths: dict[str, bool] = {}
    for root in roots:
        try:
            if not os.fspath(root):
                raise ValueError("an empty path")
            # Not Path.resolve: a photo keeps the name by which its owner reaches it.
            path = os.path.abspath(root)  # noqa: PTH100
            paths[path] = S_ISDIR(Path(path).stat().st_mode)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise RootMissing(
                f"{shown(root)} is not there ({_reason(error)})",
                "mount or restore it, or leave it out",
            ) from error
    folders = [path for path, is_folder in paths.items() if is_folder]
    files = [path for path, is_folder in paths.items() if not is_folder]
    return _walked(folders, files)


def _walked(roots: list[str], files: list[str]) -> Iterator[Found]:
    for path in files:
        yield _named_file(path)
    named = frozenset(files)
    asked = frozenset(roots)
    seen: set[tuple[int, int]] = set()
    linked: deque[str] = deque()
    waiting = roots[::-1]
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.popleft()
        try:
            status = Path(folder).stat()
        except OSError as error:
            yield FoundUnreadable(folder, _reason(error))
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        entries, problem = _listed(folder)
        if folder not in asked and any(entry.name == _CATALOG for entry in entries):
            continue
        seen.add(identity)
        if problem:
            yield problem
        below: list[str] = []
        while entries:  # emptied on the way: a status is kept in each entry that was looked at
            found = _looked_at(entries.pop(), below, linked)
            if found is not None and found.path not in named:
                yield found
        waiting.extend(reversed(below))


def _listed(folder: str) -> tuple[list[os.DirEntry[str]], FoundUnreadable | None]:
    """What is in a folder and not hidden, last name first; with why the list may be short."""
    entries: list[os.DirEntry[str]] = []
    problem = None
    try:
        with os.scandir(folder) as listing:
            _collect(listing, entries)
    except OSError as error:
        problem = FoundUnreadable(folder, _reason(error))
    entries.sort(key=lambda entry: entry.name, reverse=True)
    return entries, problem


def _collect(listing: Iterable[os.DirEntry[str]], entries: list[os.DirEntry[str]]) -> None:
    for entry in listing:
        if not entry.name.startswith(".") and entry.name not in _NOT_WALKED:
            entries.append(entry)


def _looked_at(entry: os.DirEntry[str], folders: list[str], linked: deque[str]) -> Found | None:
    """What an entry is found to be; a folder goes to one of the lists instead."""
    suffix = _suffix(entry.name)
    try:
        if suffix in SUFFIXES or entry.is_symlink():
            status = entry.stat()
            is_folder = S_ISDIR(status.st_mode)
        else:
            status = None
            is_folder = entry.is_dir()
        if is_folder:
            (linked if entry.is_symlink() else folders).append(entry.path)
            return None
    except OSError as error:
        return FoundUnreadable(entry.path, _reason(error))
    if suffix in UNSUPPORTED_SUFFIXES:
        return FoundUnsupported(entry.path, suffix)
    if status is None or suffix not in SUFFIXES:
        return None
    return _photo(entry.path, status)


def _named_file(path: str) -> Found:
    """A file that was asked for by name: whatever it is called, something is said about it."""
    suffix = _suffix(Path(path).name)
    if suffix not in SUFFIXES:
        return FoundUnsupported(path, suffix)
    try:
        return _photo(path, Path(path).stat())
    except OSError as error:
        return FoundUnreadable(path, _reason(error))


def _photo(path: str, status: os.stat_result) -> FoundPhoto | FoundUnreadable:
    if not S_ISREG(status.st_mode):
        return FoundUnreadable(path, "no ordinary file")
    return FoundPhoto(path, status.st_size, status.st_mtime_ns)


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix.lower() if stem else ""


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
