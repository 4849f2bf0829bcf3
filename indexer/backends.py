"""Back ends of an index: the one place that names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.recovery import rescue
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from indexer.location import FILE_NAME as LOCATION_FILE
from indexer.location import location_of
from indexer.vectors.cache_keeper import CacheKeeper
from indexer.vectors.keeper import VectorKeeper
from model.errors import ExtraMissing, IndexDamaged, shown

if TYPE_CHECKING:
    from indexer.catalog.postgres.postgres_catalog import PostgresCatalog


def catalog_file(folder: Path) -> Path:
    """The file in an index folder that tells that there is a catalog, or where it is."""
    named = folder / LOCATION_FILE
    return named if named.is_file() else folder / FILE_NAME


def has_one_writer(folder: Path) -> bool:
    """Whether an index lets one process write to it at a time, which a lock in its folder holds."""
    return location_of(folder) is None


def create_catalog(folder: Path, manifest: Manifest) -> Catalog:
    """New catalog of an index in `folder`, which is made too, open for writing.

    Raises:
        StorageError: there is one already, or it cannot be written.
    """
    location = location_of(folder)
    if location is None:
        return SqliteCatalog.create(folder, manifest)
    return _postgres().create(folder, location, manifest)


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
    location = location_of(folder)
    if location is None:
        return SqliteCatalog.open(folder, readonly=readonly, aside=aside)
    return _postgres().open(folder, location, readonly=readonly)


def keeper_of(folder: Path, catalog: Catalog) -> VectorKeeper:
    """Keeper of the vectors of an index.

    Args:
        folder: index folder.
        catalog: its catalog, open; it must stay so as long as the vectors are used.
    """
    if isinstance(catalog, SqliteCatalog):
        return CacheKeeper(folder, catalog)
    assert isinstance(catalog, _postgres())
    location = catalog.database.location
    if location.store == "milvus":
        from indexer.vectors.milvus_keeper import MilvusKeeper

        return MilvusKeeper(catalog, location.of_store("milvus"), location.of_store("milvus_index"))
    from indexer.vectors.pgvector_keeper import PgvectorKeeper

    return PgvectorKeeper(catalog)


def rescue_catalog(folder: Path) -> list[str]:
    """Make a catalog of what can be read of a damaged one; says what was done, a line each.

    Only for who holds the writer's lock.

    Raises:
        IndexDamaged: nothing can be read; nothing is changed.
    """
    location = location_of(folder)
    if location is not None:
        raise IndexDamaged(
            f"the database of {shown(location)} cannot be mended from here", "restore a back-up"
        )
    return rescue(folder / FILE_NAME)


def _postgres() -> type[PostgresCatalog]:
    try:
        from indexer.catalog.postgres.postgres_catalog import PostgresCatalog
    except ImportError as error:
        raise ExtraMissing(
            f"indexes in PostgreSQL need {error.name or 'psycopg'}",
            'pip install "segsearch[postgres]"',
        ) from error
    return PostgresCatalog
