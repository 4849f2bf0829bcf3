"""Whether forgetting what is gone looks intended, or as if a drive were not mounted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from indexer.catalog.catalog_reader import CatalogReader
from indexer.scan.plan import Plan
from model.errors import PruneRefused, shown
from model.stores.urls import is_url

SMALL = 20
"""Files; where no more than these are gone of a folder that still has others, it is no accident."""
_WAY_OUT = "mount it, or prune with `force=True` if they are meant to be forgotten"


def refuse_accidental_pruning(
    plan: Plan, catalog: CatalogReader, roots: Sequence[str | Path]
) -> None:
    """Raise PruneRefused where what is gone looks like an accident.

    It does where a folder that was indexed, or one below, has lost all of its photos, however few
    they were, where a folder is left without anything in it, as a mount point is, and where more
    than half of many files are gone.
    """
    gone = set(plan.gone)
    for root in _indexed(catalog, roots):
        known = [file.stamp.path for file in catalog.files(root)]
        lost = [path for path in known if path in gone]
        if lost and len(lost) == len(known):
            raise _refusal(f"{shown(root)} has lost all of its photos", len(lost))
    for folder in sorted(_left_empty(gone, roots)):
        lost = [path for path in gone if path.startswith(folder + "/")]
        raise _refusal(f"{shown(folder)} is empty now", len(lost))
    if len(gone) > SMALL and 2 * len(gone) > plan.seen:
        raise PruneRefused(
            f"{len(gone)} of {plan.seen} files are gone, as if a drive were not mounted"
            f" (first: {shown(plan.gone[0])})",
            _WAY_OUT,
        )


def _refusal(what: str, count: int) -> PruneRefused:
    files = "1 file" if count == 1 else f"{count} files"
    return PruneRefused(f"{what}, {files} in all, as if a drive were not mounted", _WAY_OUT)


def _indexed(catalog: CatalogReader, roots: Sequence[str | Path]) -> list[str]:
    """The roots, and the folders in them that were indexed by themselves."""
    places = [str(root) for root in roots]
    below = tuple(place.rstrip("/") + "/" for place in places)
    return places + [root for root in catalog.roots() if root.startswith(below)]


def _left_empty(gone: Iterable[str], roots: Sequence[str | Path]) -> set[str]:
    """Folders below the roots that held files that are gone and hold nothing any more."""
    top = {str(root) for root in roots}
    empty: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in gone if not is_url(path)}:
        while folder and folder not in top and not os.path.lexists(folder):
            folder = folder.rpartition("/")[0]
        if folder not in top and _is_empty(folder):
            empty.add(folder)
    return empty


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as listing:
            return next(listing, None) is None
    except OSError:
        return False
