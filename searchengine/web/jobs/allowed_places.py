"""Places that a server may read from or write to on request: below those it was started with."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from model.errors import OutputUnusable, RequestRefused, RootMissing, shown

LONGEST_NAME = 100
_NAME = re.compile(r"[^\W_](?:[\w .,()'+-]*[\w)'+-])?")
# names that mean devices elsewhere, should the folder be on a disk that is shared
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def allowed_roots(asked: Sequence[str], allowed: Sequence[Path]) -> list[str]:
    """The folders that are asked for, absolute, if all may be indexed.

    Args:
        asked: paths; whatever links they go through, they must end below an allowed folder.
        allowed: folders below which all may be indexed.

    Raises:
        RequestRefused: a folder lies elsewhere, or none is allowed.
        RootMissing: a folder is not there.
    """
    if not allowed:
        raise RequestRefused(
            "this server indexes no folder", "start it with --root and a folder, as segsearch serve"
        )
    roots = []
    for path in asked:
        if "\0" in path or not path.startswith("/"):
            raise RequestRefused(f"{shown(path)[:200]} is no full path", "give one, from / on")
        place = os.path.realpath(path)
        if not any(_is_below(place, os.path.realpath(root)) for root in allowed):
            names = ", ".join(shown(root) for root in allowed)
            raise RequestRefused(
                f"{shown(path)[:200]} does not lie in a folder that this server may index",
                f"choose one in {names}",
            )
        if not os.path.isdir(path):  # noqa: PTH112
            raise RootMissing(f"{shown(path)[:200]} is no folder", "mount it, or name another")
        roots.append(os.path.normpath(path) if ".." not in path.split("/") else place)
    return roots


def export_folder(name: str, below: Path | None) -> Path:
    """A new folder of that name for an export.

    Args:
        name: name of one folder.
        below: folder that exports may be written to; None where there is none.

    Raises:
        RequestRefused: there is none.
        OutputUnusable: the name may lead elsewhere, or is taken.
    """
    if below is None:
        raise RequestRefused(
            "this server writes no folders",
            "ask for a zip, or start it with --exports",
        )
    require_name(name)
    folder = Path(os.path.realpath(below)) / name
    if os.path.lexists(folder):
        raise OutputUnusable(f"{shown(name)} is there already", "give another name")
    return folder


def require_name(name: str) -> None:
    """Raise OutputUnusable unless a name is that of one ordinary file or folder."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or _DEVICES.fullmatch(name):
        raise OutputUnusable(
            f"'{shown(name)[:LONGEST_NAME]}' is no name for an export",
            "use letters, digits and hyphens",
        )


def _is_below(place: str, root: str) -> bool:
    return place == root or place.startswith(root.rstrip("/") + "/")
