"""Photos in stores: found by listing objects below a URL, a page at a time, without opening them.

A store has no folders, only keys: what stands between two "/" of a key is judged as a folder's name
is on a disk. A list that breaks off ends the walk with an error, so that what is not in a list is
not there.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence

from indexer.catalog.records import FileStamp
from indexer.scan.found import (
    Found,
    FoundPassedOver,
    FoundUnreadable,
    FoundUnsupported,
    holds_photo,
    suffix_of,
)
from indexer.scan.passed_over import EXCLUDED, Selection, reason_of_name
from model.errors import BucketMissing, PhotoError, RootMissing, RootUnreachable, shown
from model.photos.formats import SUFFIXES, is_unread_picture
from model.stores.listing import kind_of, listed
from model.stores.store import StoredObject, status
from model.stores.urls import name_of

_CUT_SHORT = "?versionId="  # what follows it in a key is taken for a version by s3fs


def is_there(url: str) -> bool:
    """Whether there is an object of this URL, or any below it, or a bucket.

    Raises:
        RootMissing: there is no such bucket.
        RootUnreachable: the store does not tell.
    """
    try:
        return kind_of(url) is not None
    except PhotoError as error:
        raise _of_root(error) from error


def require_there(url: str) -> None:
    """Raise RootMissing unless `is_there`."""
    if not is_there(url):
        raise RootMissing(
            f"nothing is called {shown(url)}, nor lies below it",
            "look at its name, or leave it out",
        )


def walk_stores(urls: Sequence[str], selection: Selection) -> Iterator[Found]:
    """What lies below some URLs, or is one of them; as `indexer.scan.walk.walk` has it.

    Raises:
        RootUnreachable: a store does not answer any more.
    """
    roots = tuple(dict.fromkeys(urls))
    for root in roots:
        inner = tuple(other for other in roots if other.startswith(root + "/"))
        below = tuple(other + "/" for other in inner)
        try:
            if kind_of(root) == "object":
                yield _named(status(root))
                continue
            judge = _Judge(root, selection)
            for item in listed(root):
                if item.url not in inner and not item.url.startswith(below):
                    yield from judge.found(item)
        except PhotoError as error:
            raise _of_root(error) from error


class _Judge:
    """Judgement of the objects below a root, in the order of a list.

    Args:
        root: URL of the root.
        selection: rules for what is passed over.
    """

    def __init__(self, root: str, selection: Selection) -> None:
        self._root = root
        self._selection = selection
        # folders that lead to the last object: URL, whether they are excluded, why passed over
        self._way: list[tuple[str, bool, str]] = []

    def found(self, item: StoredObject) -> Iterator[Found]:
        """What is found where an object is listed: nothing, it, or the folder passed over."""
        excluded, passed = yield from self._entered(item.url)
        if passed:
            return
        folder, _, name = item.url.rpartition("/")
        suffix = suffix_of(name)
        is_photo, is_unread = suffix in SUFFIXES, is_unread_picture(suffix)
        if not (is_photo or is_unread):
            return
        rest = item.url[len(self._root) :]
        included = self._selection.includes(item.url, rest)
        reason = "" if included else reason_of_name(folder, name)
        if not included and (excluded or self._selection.excludes(item.url, rest)):
            reason = reason or EXCLUDED
        if reason:
            yield FoundPassedOver(item.url, reason)
        elif is_unread:
            yield FoundUnsupported(item.url, suffix)
        else:
            yield _photo(item)

    def _entered(self, url: str) -> Generator[Found, None, tuple[bool, str]]:
        """Whether the folder of an object is excluded, and why it is passed over, if it is."""
        while self._way and not url.startswith(self._way[-1][0] + "/"):
            self._way.pop()
        folder, excluded, passed = self._way[-1] if self._way else (self._root, False, "")
        *names, _ = url[len(folder) + 1 :].split("/")
        for name in names:
            if passed:
                break
            above, folder = folder, f"{folder}/{name}"
            rest = folder[len(self._root) :]
            included = self._selection.includes(folder, rest)
            passed = "" if included else reason_of_name(above, name)
            excluded = not included and (excluded or self._selection.excludes(folder, rest))
            if excluded and not passed and not self._selection.enters_excluded:
                passed = EXCLUDED
            self._way.append((folder, excluded, passed))
            if passed:
                yield FoundPassedOver(folder, passed)
        return excluded, passed


def _named(item: StoredObject) -> Found:
    """An object that was asked for by name: its bytes tell what it is, whatever it is called."""
    suffix = suffix_of(name_of(item.url))
    found = _photo(item)
    if suffix in SUFFIXES or isinstance(found, FoundUnreadable) or holds_photo(item.url):
        return found
    return FoundUnsupported(item.url, suffix)


def _photo(item: StoredObject) -> FileStamp | FoundUnreadable:
    try:
        possible = "\0" not in item.url and bool(os.fsencode(item.url))
    except UnicodeError:
        possible = False
    if not possible or _CUT_SHORT in item.url:
        return FoundUnreadable(item.url, "its name cannot be asked for")
    return FileStamp(item.url, item.size, item.stamp)


def _of_root(error: PhotoError) -> RootMissing:
    """What a refusal of a store means for the place that was to be indexed."""
    kind = RootMissing if isinstance(error, BucketMissing) else RootUnreachable
    return kind(error.what, error.fix)
