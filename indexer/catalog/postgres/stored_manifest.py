"""The manifest of an index, as the catalog in PostgreSQL keeps it."""

from __future__ import annotations

import json

from indexer.catalog.postgres import failures
from indexer.catalog.postgres.database import Connection, fetched, run_many
from indexer.catalog.postgres.schema import VERSION
from indexer.catalog.records import Manifest
from indexer.location import Location
from model.embeddings import EmbeddingSpace
from model.errors import IndexDamaged, shown


def store_manifest(connection: Connection, manifest: Manifest) -> None:
    """Write it, once."""
    values = {
        "version": str(VERSION),
        "preset": manifest.preset,
        "space": manifest.space.name,
        "dimension": str(manifest.space.dimension),
        "fingerprint": manifest.space.fingerprint,
        "settings": json.dumps(manifest.settings, sort_keys=True),
        "created_by": manifest.created_by,
        "created_at": manifest.created_at,
        "catalog_id": manifest.catalog_id,
    }
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
        return (
            Manifest(
                preset=found["preset"],
                space=EmbeddingSpace(found["space"], int(found["dimension"]), found["fingerprint"]),
                settings=dict(json.loads(found["settings"])),
                created_by=found["created_by"],
                created_at=found["created_at"],
                catalog_id=found["catalog_id"],
            ),
            version,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise IndexDamaged(
            f"the manifest of the index in {shown(location)} is not what was written"
            f" ({shown(error)})",
            "restore a back-up of the database",
        ) from None
