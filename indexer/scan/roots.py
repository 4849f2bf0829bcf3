"""Folders that are indexed, under the name by which an index knows them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable


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
