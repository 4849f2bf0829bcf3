"""Photos under the places to be indexed: found by listing them, without opening photos."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from indexer.scan.found import (
    Found,
    FoundPassedOver,
    FoundPhoto,
    FoundUnreadable,
    FoundUnsupported,
    holds_photo,
    suffix_of,
)
from indexer.scan.own_output import MANIFEST, exported_files
from indexer.scan.passed_over import EXCLUDED, INDEX, OWN, Selection, reason_of_name
from indexer.scan.stores import require_there, walk_stores
from model.errors import RootMissing, shown
from model.photos.formats import (
    SUFFIXES,
    is_unread_picture,
)
from model.stores.urls import is_url, plain_place

_CATALOG = "catalog.sqlite"  # a folder that holds one is an index, not a collection


def walk(roots: Sequence[str | Path], selection: Selection | None = None) -> Iterator[Found]:
    """The photos under some places, and what there could not be used or is passed over.

    Symbolic links are followed, and every folder is listed once: under its own path where it lies
    below a root, so linked folders come last. Otherwise a folder's files come in the order of
    their names, then its folders.

    Args:
        roots: folders or single files, on a disk or, by their URLs, in a store. A folder that is
            named here is taken whatever it is called, and a file is judged by its first bytes.
        selection: rules for what is passed over beyond waste bins, previews and the like.

    Raises:
        RootMissing: a root is not there; raised by the call itself, before anything is found.
        RootUnreachable: a store does not answer, or does not let itself be listed; raised by the
            call, or while its objects are found.
    """
    paths: dict[str, bool] = {}
    urls: list[str] = []
    for root in map(plain_place, roots):
        if is_url(root):
            require_there(root)
            urls.append(root)
            continue
        try:
            if not root:
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
    selection = selection or Selection()
    return chain(_walked(folders, files, selection), walk_stores(urls, selection))


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be listed.

    Attributes:
        path: absolute.
        root: length of the path of the root it lies in.
        excluded: whether it was excluded, and is entered for what is included all the same.
    """

    path: str
    root: int
    excluded: bool = False


def _walked(roots: list[str], files: list[str], selection: Selection) -> Iterator[Found]:
    for path in files:
        yield _named_file(path)
    named = frozenset(files)
    asked = frozenset(roots)
    seen: set[tuple[int, int]] = set()
    own: set[str] = set()
    linked: deque[_Folder] = deque()
    waiting = [_Folder(root, len(root.rstrip("/"))) for root in reversed(roots)]
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.popleft()
        try:
            status = Path(folder.path).stat()
        except OSError as error:
            yield FoundUnreadable(folder.path, _reason(error))
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        entries, problem = _listed(folder.path)
        names = {entry.name for entry in entries}
        if folder.path not in asked and _CATALOG in names:
            yield FoundPassedOver(folder.path, INDEX)
            continue
        seen.add(identity)
        if MANIFEST in names:
            own |= {os.path.join(folder.path, name) for name in exported_files(folder.path)}  # noqa: PTH118
        if problem:
            yield problem
        below: list[_Folder] = []
        while entries:  # emptied on the way: a status is kept in each entry that was looked at
            entry = entries.pop()
            if entry.path in named or entry.path in asked:
                continue
            found = _looked_at(entry, folder, selection, own, below, linked)
            if found is not None:
                yield found
        waiting.extend(reversed(below))


def _listed(folder: str) -> tuple[list[os.DirEntry[str]], FoundUnreadable | None]:
    """Entries of a folder, last name first; with why the list may be short."""
    entries: list[os.DirEntry[str]] = []
    problem = None
    try:
        with os.scandir(folder) as listing:
            entries.extend(listing)
    except OSError as error:
        problem = FoundUnreadable(folder, _reason(error))
    entries.sort(key=lambda entry: entry.name, reverse=True)
    return entries, problem


def _looked_at(
    entry: os.DirEntry[str],
    folder: _Folder,
    selection: Selection,
    own: set[str],
    folders: list[_Folder],
    linked: deque[_Folder],
) -> Found | None:
    """Finding for an entry of a folder; a folder goes to one of the lists instead."""
    suffix = suffix_of(entry.name)
    passed = reason_of_name(folder.path, entry.name) or (OWN if entry.path in own else "")
    rest = entry.path[folder.root :]
    included = selection.includes(entry.path, rest)
    excluded = not included and (folder.excluded or selection.excludes(entry.path, rest))
    if included:
        passed = ""
    status = None
    try:
        if not passed and (suffix in SUFFIXES or entry.is_symlink()):
            status = entry.stat()
            is_folder = S_ISDIR(status.st_mode)
        else:
            is_folder = entry.is_dir()
        if is_folder:
            if passed or (excluded and not selection.enters_excluded):
                return FoundPassedOver(entry.path, passed or EXCLUDED)
            into = linked if entry.is_symlink() else folders
            into.append(_Folder(entry.path, folder.root, excluded))
            return None
    except OSError as error:
        if passed or excluded:
            return None
        return FoundUnreadable(entry.path, _reason(error))
    is_photo, is_unread = suffix in SUFFIXES, is_unread_picture(suffix)
    if (passed or excluded) and (is_photo or is_unread):
        return FoundPassedOver(entry.path, passed or EXCLUDED)
    if passed or excluded:
        return None
    if is_unread:
        return FoundUnsupported(entry.path, suffix)
    return _photo(entry.path, status) if is_photo and status is not None else None


def _named_file(path: str) -> Found:
    """A file that was asked for by name: its bytes tell what it is, whatever it is called."""
    suffix = suffix_of(Path(path).name)
    try:
        status = Path(path).stat()
    except OSError as error:
        return FoundUnreadable(path, _reason(error))
    found = _photo(path, status)
    if suffix in SUFFIXES or isinstance(found, FoundUnreadable) or holds_photo(path):
        return found
    return FoundUnsupported(path, suffix)


def _photo(path: str, status: os.stat_result) -> FoundPhoto | FoundUnreadable:
    if not S_ISREG(status.st_mode):
        return FoundUnreadable(path, "no ordinary file")
    return FoundPhoto(path, status.st_size, status.st_mtime_ns)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
