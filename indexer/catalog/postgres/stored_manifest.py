"""The manifest of an index, as the catalog in PostgreSQL keeps it."""

from __future__ import annotations

from indexer.catalog.manifest_values import manifest_of, manifest_values
from indexer.catalog.postgres import failures
from indexer.catalog.postgres.database import Connection, fetched, run_many
from indexer.catalog.postgres.schema import VERSION
from indexer.catalog.records import Manifest
from indexer.location import Location
from model.errors import IndexDamaged, shown


def store_manifest(connection: Connection, manifest: Manifest) -> None:
    """Write it, once."""
    values = {"version": str(VERSION), **manifest_values(manifest)}
    run_many(connection, "INSERT INTO manifest VALUES (%s, %s)", list(values.items()))


def stored_manifest(connection: Connection, location: Location) -> tuple[Manifest, int]:
    """It, and the version of the tables.

    Raises:
        IndexTooNew: a later segsearch made the tables.
        IndexDamaged: a part of it is not there.
    """
    found: dict[str, str] = dict(fetched(connection, "SELECT key, value FROM manifest"))
    try:
        version = int(found["version"])
        if version > VERSION:
            raise failures.too_new(location, version)
        return manifest_of(found), version
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise IndexDamaged(
            f"the manifest of the index in {shown(location)} is not what was written"
            f" ({shown(error)})",
            "restore a back-up of the database",
        ) from None
