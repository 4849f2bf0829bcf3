"""Asking: a request of the API as a query, and its answer as a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer.catalog.catalog import CatalogReader
from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.records import Filter
from model.embeddings import Embeddings
from searchengine.engine import SearchEngine
from searchengine.search.example import Example
from searchengine.search.match import Match, Matches
from searchengine.search.query import Negative, Query
from searchengine.web.schemas import ExampleField, SearchRequest, WhereField
from searchengine.web.shared_catalog import SharedCatalog
from searchengine.web.snapshots import Snapshot

WHOLE_CASCADE = 240
"""Matches of a search that go through all stages."""


def filter_of(where: WhereField) -> Filter:
    """Conditions of a request.

    Raises:
        QueryError: one of them makes no sense.
    """
    return Filter(**{name: value for name, value in where if value is not None})


def query_of(request: SearchRequest, engine: SearchEngine, catalog: SharedCatalog) -> Query:
    """A request as the query that it means.

    Raises:
        NotFound: a photo or a segment that is named is not there.
        QueryError, PhotoError: nothing can be asked by it.
    """
    vectors = [engine.embed(example_of(each, catalog))[0] for each in request.examples]
    return Query(
        words=request.words,
        example=mean_of(vectors),
        negatives=tuple(Negative(each.words, each.weight) for each in request.negatives),
        k=WHOLE_CASCADE,
        where=filter_of(request.where),
        neighbours=request.neighbours,
    )


def example_of(field: ExampleField, catalog: SharedCatalog) -> Example:
    """An example that a request names."""
    if field.segment is not None:
        return Example(segment=catalog.segment(field.segment).id)
    assert field.photo is not None
    return Example(Path(catalog.photo(field.photo).path), at=field.point, box=field.box)


def mean_of(vectors: Sequence[Embeddings]) -> Embeddings | None:
    """One vector for several, each counting alike; None for none."""
    if not vectors:
        return None
    total = np.concatenate([each.vectors for each in vectors]).mean(axis=0, keepdims=True)
    return Embeddings.unit(total, vectors[0].space)


def snapshot_of(matches: Matches, generation: int) -> Snapshot:
    """What is kept of an answer."""
    assert matches.asked is not None
    return Snapshot(
        replace(matches.asked),
        matches.query,
        generation,
        np.array([match.segment_id for match in matches], np.int64),
        np.array([match.score for match in matches], np.float32),
        np.array([_or_nan(match.confidence) for match in matches], np.float32),
        {match.segment_id: match.merged for match in matches if match.merged},
        {},
    )


def matches_of(snapshot: Snapshot, catalog: CatalogReader, offset: int, limit: int) -> list[Match]:
    """Some of a snapshot's matches, read from the catalog; those that are gone are left out."""
    ids = snapshot.ids[offset : offset + limit].tolist()
    with catalog.snapshot():
        rows = catalog.segments(ids)
        photos = catalog.photos({row.photo_id for row in rows.values()})
    glob = snapshot.query.where.path_glob
    pattern = PathPattern(glob) if glob else None
    matches = []
    for place, segment_id in enumerate(ids, offset):
        row = rows.get(segment_id)
        photo = None if row is None else photos.get(row.photo_id)
        if row is None or photo is None:
            continue
        confidence = float(snapshot.confidences[place])
        matches.append(
            Match(
                place + 1,
                float(snapshot.scores[place]),
                None if np.isnan(confidence) else confidence,
                photo if pattern is None else photo.shown_at(pattern),
                row,
                snapshot.merged.get(segment_id, ()),
            )
        )
    return matches


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
