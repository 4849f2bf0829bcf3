"""The values of an index's manifest: texts by key, as a table of a catalog keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from indexer.catalog.records import Manifest
from model.embeddings import EmbeddingSpace


def manifest_values(manifest: Manifest) -> dict[str, str]:
    """The texts that a manifest is kept as."""
    return {
        "preset": manifest.preset,
        "space": manifest.space.name,
        "dimension": str(manifest.space.dimension),
        "fingerprint": manifest.space.fingerprint,
        "settings": json.dumps(manifest.settings, sort_keys=True),
        "created_by": manifest.created_by,
        "created_at": manifest.created_at,
        "catalog_id": manifest.catalog_id,
    }


def manifest_of(values: Mapping[str, str]) -> Manifest:
    """The manifest that texts are of.

    Raises:
        KeyError, ValueError, TypeError, RecursionError: texts that nobody wrote.
    """
    settings = json.loads(values["settings"])
    if type(settings) is not dict or any(type(value) is not str for value in settings.values()):
        raise ValueError("its settings are no texts by names")
    return Manifest(
        preset=values["preset"],
        space=EmbeddingSpace(values["space"], int(values["dimension"]), values["fingerprint"]),
        settings=settings,
        created_by=values["created_by"],
        created_at=values["created_at"],
        catalog_id=values["catalog_id"],
    )
