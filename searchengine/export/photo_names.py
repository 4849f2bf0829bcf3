"""Names of photos in an export: relative to the folder that they share, and unique."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath

from indexer.catalog.records import PhotoRow
from model.stores.urls import is_url


class PhotoNames:
    """Names by which other tools find the photos below one folder.

    Attributes:
        root: absolute path of that folder; "" where the photos share none.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._stems: dict[int, str] = {}
        self._taken: set[str] = set()

    def of(self, photo: PhotoRow) -> str:
        """The photo's path below the root, with "/" on every system.

        A photo that lies elsewhere keeps its whole path, without what leads from the top: a
        drive's letter is its first folder, as is a bucket. What a store's key holds that no path
        may (nothing, "." or ".." between two "/") becomes "_".
        """
        if is_url(photo.path):
            return _of_key(photo.path, self.root)
        path = PurePath(photo.path)
        if self.root and path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        drive = path.drive.replace(":", "").strip("\\/").replace("\\", "/")
        below = path.relative_to(path.anchor).as_posix()
        return f"{drive}/{below}" if drive else below

    def stem(self, photo: PhotoRow) -> str:
        """The name without its suffix: unique on systems that mind no case, too.

        The second of two photos that differ only in the suffix keeps it.
        """
        if photo.id not in self._stems:
            name = self.of(photo)
            whole = os.path.splitext(name)[0]  # noqa: PTH122, a name of "/" on every system
            unique = next(
                stem
                for stem in (whole, name, f"{name}-{photo.id}")
                if stem.casefold() not in self._taken
            )
            self._taken.add(unique.casefold())
            self._stems[photo.id] = unique
        return self._stems[photo.id]


def _of_key(url: str, root: str) -> str:
    below = url.partition("://")[2]
    if root and url.startswith(root + "/"):
        below = url[len(root) + 1 :]
    return "/".join("_" if part in ("", ".", "..") else part for part in below.split("/"))


def shared_folder(folders: Iterable[str]) -> str:
    """The deepest folder that holds all of these folders or files; "" where there is none."""
    folders = list(folders)
    urls = [path for path in folders if is_url(path)]
    if urls:
        return _shared_prefix(urls) if len(urls) == len(folders) else ""
    places = {str(Path(path).parent) if Path(path).is_file() else path for path in folders}
    try:
        return os.path.commonpath(places) if places else ""
    except ValueError:  # several drives
        return ""


def _shared_prefix(urls: Iterable[str]) -> str:
    """The longest place of a store that all lie below, or are; "" on several stores or buckets."""
    first, *others = (url.split("/") for url in urls)
    shared = len(first)
    for other in others:
        shared = min(shared, len(other))
        while first[:shared] != other[:shared]:
            shared -= 1
    return "/".join(first[:shared]) if shared > 2 else ""  # protocol, nothing, bucket
