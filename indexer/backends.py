"""Back ends of an index: the one place that names them."""

from __future__ import annotations

from pathlib import Path

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.recovery import rescue
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog

CATALOG_FILE = FILE_NAME
"""Name of the file in an index folder that tells that there is a catalog."""


def create_catalog(folder: Path, manifest: Manifest) -> Catalog:
    """New catalog of an index in `folder`, which is made too, open for writing.

    Raises:
        StorageError: there is one already, or it cannot be written.
    """
    return SqliteCatalog.create(folder, manifest)


def open_catalog(folder: Path, *, readonly: bool = False, aside: Path | None = None) -> Catalog:
    """Catalog of the index in `folder`, in the newest schema.

    Args:
        folder: index folder.
        readonly: never change what is remembered; an older schema is brought up to date still.
        aside: folder where an older schema is brought up to date in a copy instead, which is then
            what is opened.

    Raises:
        IndexMissing: there is none.
        IndexDamaged, IndexTooNew, StorageError: the index cannot be used.
    """
    return SqliteCatalog.open(folder, readonly=readonly, aside=aside)


def rescue_catalog(folder: Path) -> list[str]:
    """Make a catalog of what can be read of a damaged one; says what was done, a line each.

    Only for who holds the writer's lock.

    Raises:
        IndexDamaged: nothing can be read; nothing is changed.
    """
    return rescue(folder / CATALOG_FILE)
