"""Places that are indexed, under the name by which an index knows them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from indexer.scan.stores import is_there
from model.stores.urls import absolute_place, is_url, plain_place


def known_root(root: str | os.PathLike[str], roots: Iterable[str]) -> str:
    """A place to be indexed, as an index spells it: absolute, or a URL.

    Args:
        root: place, as it was named.
        roots: places that were indexed.
    """
    place = absolute_place(root)
    return place if is_url(place) else known_spelling(place, roots)


def is_absent(root: str | os.PathLike[str]) -> bool:
    """Whether a place is known to be gone.

    A bucket that is gone, or a store that does not answer, is an error instead: nobody empties a
    collection by that.

    Raises:
        RootMissing: a bucket is gone, or a store does not answer.
    """
    place = plain_place(root)
    if is_url(place):
        return not is_there(place)
    with suppress(OSError, ValueError):  # whatever else is wrong with it, it is not gone
        try:
            Path(place).stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
    return False


def known_spelling(path: str, roots: Iterable[str]) -> str:
    """The path as an index spells it.

    On many disks "Photos" and "photos" are one folder, and so are a name's composed and decomposed
    letters. A folder that was indexed keeps the name it had then, and so does what lies in it.

    Args:
        path: absolute.
        roots: folders that were indexed, absolute.
    """
    parts = path.split("/")
    for root in sorted(roots, key=len, reverse=True):
        depth = root.count("/") + 1
        start = "/".join(parts[:depth])
        if start != root and _folded(start) == _folded(root) and _same(start, root):
            return "/".join([root, *parts[depth:]])
    return path


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except OSError:
        return False
