"""The manifest of an index, as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, insert, select

from indexer.catalog.manifest_values import manifest_of, manifest_values
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.database import Database
from indexer.catalog.sqlite.failures import index_missing
from indexer.catalog.sqlite.seals import seal_of
from indexer.catalog.sqlite.tables import ManifestTable
from model.errors import IndexDamaged, StorageError, shown

_SEAL = "seal"
# the others are compared with the preset's own
_SEALED = ("preset", "space", "dimension", "created_by", "created_at", "catalog_id")


def store_manifest(connection: Connection, folder: Path, manifest: Manifest) -> None:
    """Write it once.

    Raises:
        StorageError: there is one already.
    """
    if connection.execute(select(ManifestTable)).first() is not None:
        raise StorageError(
            f"there is an index in {shown(folder)} already",
            "open it, or name another folder for the index",
        )
    values = manifest_values(manifest)
    connection.execute(
        insert(ManifestTable), [{"key": key, "value": value} for key, value in values.items()]
    )
    seal_manifest(connection)


def seal_manifest(connection: Connection) -> None:
    """Write the checksum of a manifest's values beside them."""
    values = dict(connection.execute(select(ManifestTable.key, ManifestTable.value)).all())
    if values:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO manifest VALUES (?, ?)", (_SEAL, _seal(values))
        )


def _seal(values: Mapping[str, str]) -> str:
    return str(seal_of((key, values.get(key)) for key in _SEALED))


def stored_manifest(database: Database) -> Manifest:
    """Read it.

    Raises:
        IndexMissing: making the index was never finished.
        IndexDamaged: a part of it is not there.
    """
    with database.reading() as connection:
        found = dict(connection.execute(select(ManifestTable.key, ManifestTable.value)).all())
        photos = connection.exec_driver_sql("SELECT 1 FROM photos LIMIT 1").first()
    if not found and photos is None:
        raise index_missing(database.path.parent)
    try:
        if found[_SEAL] != _seal(found):
            raise ValueError("its values are not what was written")
        return manifest_of(found)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise IndexDamaged(
            f"the manifest in {shown(database.path)} is incomplete ({error})",
            "restore it from a backup, or delete its folder and index the photos again",
        ) from error
